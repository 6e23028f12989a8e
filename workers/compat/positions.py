"""Positions as the in-process interface has them, and as the log has them; between the two.

Pure. The interface knows neither sides nor exit prices; both are made up here so that they fit what it says.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.dollars import CENT, EXACT, gross_pnl
from portfold.events.codec import RefusedField
from portfold.events.fields import Side
from portfold.exchange_time import utc

_PRICE_DECIMALS = Decimal("1e-10")


class OpenPosition(NamedTuple):
    """One open position: `size` is negative when it is short; `entry_price` is 0 where none was reported."""

    symbol: str
    size: int
    entry_time: datetime
    entry_price: float


class PricedLeg(NamedTuple):
    """What `worker` holds of `symbol`."""

    symbol: str
    side: Side
    size: int
    price: Decimal
    worker: str
    opened: datetime

    def joined(self, fresh: "PricedLeg") -> "PricedLeg":
        """Returns it with more contracts, at the average price; one of the other side takes its place."""
        if fresh.side != self.side:
            return fresh
        size = self.size + fresh.size
        average = (self.price * self.size + fresh.price * fresh.size) / size
        return self._replace(size=size, price=EXACT.quantize(average, _PRICE_DECIMALS).normalize(EXACT))


def side_and_size(symbol: str, size: float) -> tuple[Side, int]:
    """Returns the side and the contracts that a signed size means. RefusedField for one that means none."""
    try:
        contracts = int(size)
    except (TypeError, ValueError, OverflowError):
        contracts = 0
    if contracts == 0 or contracts != size:
        raise RefusedField(
            f"size: expected whole contracts of {symbol}, negative for short, got {str(size)[:40]}"
        )
    return ("short" if contracts < 0 else "long"), abs(contracts)


def implied_exit(leg: PricedLeg, pnl: Decimal, point_value: Decimal | None) -> tuple[Decimal, Decimal]:
    """Returns the exit price at which the leg makes `pnl` dollars, and what it then makes.

    That is `pnl`, unless even the finest price is cents away, as with dozens of contracts that are worth
    millions a point. Where a point's value is not known, any price will do. RefusedField for no amount.
    """
    if not pnl.is_finite():
        raise RefusedField(f"pnl: expected an amount in dollars, got {pnl}")
    if point_value is None:
        return leg.price, pnl
    move = EXACT.divide(pnl, point_value * leg.size)
    exact = leg.price + move if leg.side == "long" else leg.price - move
    price = EXACT.quantize(exact, _PRICE_DECIMALS)
    made = gross_pnl(leg.side, leg.price, price, leg.size, point_value)
    return price.normalize(EXACT), pnl if abs(made - pnl) <= CENT else made


def legs_in(view: PortfolioView) -> list[PricedLeg]:
    """Returns everybody's legs."""
    return [
        PricedLeg(one.symbol, one.side, one.size, one.price, one.worker, utc(one.opened_ms))
        for one in view.positions
    ]


def open_positions_in(view: PortfolioView) -> dict[str, OpenPosition]:
    """Returns the same by symbol, for reading."""
    return {
        leg.symbol: OpenPosition(
            leg.symbol, leg.size if leg.side == "long" else -leg.size, leg.opened, float(leg.price)
        )
        for leg in sorted(legs_in(view))
    }
