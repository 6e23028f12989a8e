"""A day on a desk, for pictures: positions, a slot, what is closed, limits of money; then its stop."""

from decimal import Decimal

from portfold.events.incoming import TradingHalted
from tests.live import Live

LOOKS = {"max_positions": 6, "profit_target": Decimal(3000), "weekly_loss": Decimal(6000)}
HELD = (
    ("ES", "5000.25", "-380", "4992.75"),
    ("RTY", "2031.5", "220", "2035.9"),
    ("PL", "902.4", "-615", "890.1"),
)


def opens(live: Live) -> None:
    """Three positions, a slot, one denial, a group of one that is closed."""
    live.change_limits(**LOOKS)
    for symbol, price, pnl, mark in HELD:
        live.starts(f"ibs-{symbol}", symbols=symbol)
        live.enters(symbol, price=price)
        live.marks(symbol, pnl, price=mark)
    live.starts("ibs-CL", symbols="CL")
    live.asks("CL", worker="ibs-CL")
    live.asks("XX", worker="ibs-CL")
    live.hears(TradingHalted(by="ann", reason="the report of the day", symbol="SI"))


def is_stopped(live: Live) -> None:
    """The day's stop; nothing is closed yet."""
    live.marks("ES", "-2200", price="4956.25")


def is_over(live: Live) -> None:
    """All is closed."""
    live.closes("ES", "-2250", price="4955.25")
    live.closes("RTY", "150", price="2034.5")
    live.closes("PL", "-640", price="889.6")
