"""Days expected of a portfolio, made for a test: normal ones of a known edge, or by hand."""

from random import Random
from typing import Any

from portfold.config import ExpectedDays

SYMBOLS = ("CL", "ES")


def normal_days(edge: float, count: int = 400, *, seed: int = 1) -> list[float]:
    """Dollars of days with a spread of $1,000 whose mean is `edge` spreads a day, exactly."""
    random = Random(seed)
    drawn = [random.gauss(0, 1) for _ in range(count)]
    mean = sum(drawn) / count
    spread = (sum((one - mean) ** 2 for one in drawn) / count) ** 0.5
    return [round(1000 * ((one - mean) / spread + edge), 2) for one in drawn]


def expected_days(pnl: list[float] | None = None, **changed: Any) -> ExpectedDays:
    """Days of a portfolio of CL and ES: two trades each, of which one won, of three asked one denied."""
    made = normal_days(0.5) if pnl is None else pnl
    count = len(made)
    usual: dict[str, Any] = {
        "since": "2025-01-01",
        "first_day": "2022-01-03",
        "last_day": "2023-07-14",
        "symbols": SYMBOLS,
        "max_positions": 4,
        "daily_stop_loss": 2500.0,
        "block_days": 1.0,
        "pnl": tuple(made),
        "trades": (2,) * count,
        "won": (1,) * count,
        "asked": (3,) * count,
        "denied": (1,) * count,
        "stops": tuple(int(one < -1500) for one in made),
    }
    return ExpectedDays(**(usual | changed))
