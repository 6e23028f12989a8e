"""One bar of one symbol: what feeds yield and strategies look at.

A bar exists only once it is over: its time is its end, the first moment at which its close can be known,
so nothing that trades on bars in the order of their times can look ahead.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from portfold.errors import PortfoldError

_PRICES = ("open", "high", "low", "close")
_NO_OFFSET = timedelta(0)


class BarError(PortfoldError, ValueError):
    """A bar that cannot be; `field` names the one to blame."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class _Traded(msgspec.Struct, frozen=True):
    symbol: str
    time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Bar(_Traded, frozen=True, kw_only=True):
    """Open, high, low and close of `symbol`, in the contract's quote, up to `time` (aware, UTC).

    Prices are finite Decimals and may be zero or negative (CL, 20 April 2020); open and close lie within
    low and high. Anything else is a BarError. `contract` is the month they are of, such as ESZ6, where the
    feed knows it.
    """

    contract: str = ""

    @property
    def moment_ms(self) -> int:
        """Returns its end in milliseconds: the moment of a mark at its close."""
        return round(self.time.timestamp() * 1000)

    def __post_init__(self) -> None:
        if not self.symbol:
            raise BarError("symbol", "expected a symbol such as ES, got none")
        if self.time.utcoffset() != _NO_OFFSET:
            raise BarError("time", f"expected an aware time in UTC, got {self.time.isoformat()}")
        for field in _PRICES:
            price: object = getattr(self, field)
            if not (isinstance(price, Decimal) and price.is_finite()):
                raise BarError(field, f"expected a finite Decimal price, got {price!r}")
        if self.low > self.high:
            raise BarError("low", f"expected no more than the high {self.high}, got {self.low}")
        for field, inside in (("open", self.open), ("close", self.close)):
            if not self.low <= inside <= self.high:
                raise BarError(
                    field, f"expected a price from the low {self.low} to the high {self.high}, got {inside}"
                )
