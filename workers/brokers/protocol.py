"""What every broker offers a worker, and what it answers: fills, positions and refusals."""

from decimal import Decimal
from typing import Protocol

import msgspec

from events.fields import Side


class BrokerError(Exception):
    """The broker did not do what was asked, and nothing was changed; a sentence that says why."""


class NotOpen(BrokerError):
    """There is no such position, or not that much of it: most often somebody else has closed it first."""


class Fill(msgspec.Struct, frozen=True):
    """An order filled at once and whole: `size` contracts of `side` at `price`.

    `side` is that of the position, also when it is closed; `commission` is in dollars for this fill alone.
    """

    owner: str
    symbol: str
    side: Side
    size: int
    price: Decimal
    commission: Decimal


class ExitFill(Fill, frozen=True):
    """A fill that closed contracts: with the average price they were entered at and, in dollars, the
    commission paid for their entry."""

    entry_price: Decimal
    entry_commission: Decimal

    @property
    def total_commission(self) -> Decimal:
        """Dollars paid for these contracts, entry and exit."""
        return self.entry_commission + self.commission


class BrokerPosition(msgspec.Struct, frozen=True):
    """What `owner` holds: `size` contracts at the average price `price`, with the dollars of commission
    paid so far for them."""

    owner: str
    symbol: str
    side: Side
    size: int
    price: Decimal
    commission_paid: Decimal


class Broker(Protocol):
    """One owner's access to an account that several owners trade. Callable from any thread.

    A method that raises a BrokerError has changed nothing, and none waits without bound. `owner` is whose
    position is meant, by default one's own: a flattener closes what a dead worker left open.
    """

    def enter(self, symbol: str, side: Side, size: int, price: Decimal) -> Fill:
        """Buys (long) or sells (short) `size` contracts at about `price`, adding to one's own position."""
        ...

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> ExitFill:
        """Closes `size` contracts of the position at about `price`, or at the last price known for None.

        NotOpen when that much is not open: of several who close the same contracts exactly one succeeds.
        """
        ...

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Closes every position of one owner at the last prices known; an empty list when there is none."""
        ...

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """What is open, of everybody or of `owner` alone, by owner and symbol."""
        ...
