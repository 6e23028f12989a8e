"""What becomes of an order, in the words that every broker answers with.

    sending ──▶ accepted ──▶ working ──▶ partly_filled ──▶ filled
                                     ──▶ cancelled, rejected         what it got until then it keeps
            ──▶ unknown ──▶ any of the others, once the broker is heard again

Guarantees: a fill is one execution, by the broker's own name for it and with its own commission, so each is
reported once, however many an order has. A broker that hears of no execution, as TradersPost, answers
`accepted`: the fills of such an order are believed.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from portfold.events.fields import Side

State = Literal[
    "sending", "accepted", "working", "partly_filled", "filled", "cancelled", "rejected", "unknown"
]
OVER: tuple[State, ...] = ("filled", "cancelled", "rejected")

_FINEST_PRICE = Decimal("1E-10")


class Fill(Struct, frozen=True):
    """One execution of an order: `size` contracts of `side` at `price`.

    `side` is that of the position, also when it is closed; `commission` is in dollars for this fill alone.
    `fill_id` is the broker's own name for it, never given to another fill, by any book or account.
    """

    owner: str
    symbol: str
    side: Side
    size: int
    price: Decimal
    commission: Decimal
    fill_id: str


class ExitFill(Fill, frozen=True):
    """A fill that closed contracts: with the average price they were entered at and, in dollars, the
    commission paid for their entry."""

    entry_price: Decimal
    entry_commission: Decimal

    @property
    def total_commission(self) -> Decimal:
        """Dollars paid for these contracts, entry and exit."""
        return self.entry_commission + self.commission


FillOf_co = TypeVar("FillOf_co", bound=Fill, covariant=True)


class OrderOutcome(Struct, Generic[FillOf_co], frozen=True):
    """What has become of an order of `ordered` contracts that got at least one: its `fills`, in the order of
    their executions. One that got nothing is a BrokerError instead.
    """

    ordered: int
    state: State
    fills: tuple[FillOf_co, ...]

    @property
    def size(self) -> int:
        """Contracts that it got."""
        return sum(fill.size for fill in self.fills)

    @property
    def rest(self) -> int:
        """Contracts that it did not get: never, once it is over; until then it still may."""
        return max(0, self.ordered - self.size)

    @property
    def price(self) -> Decimal:
        """The average price of what it got, to the finest that the bus carries."""
        return average_price(self.fills)

    @property
    def commission(self) -> Decimal:
        """Dollars that its fills cost."""
        return sum((fill.commission for fill in self.fills), Decimal(0))

    @property
    def is_believed(self) -> bool:
        """Returns whether its fills are believed: the broker took it, and has said no more."""
        return self.state == "accepted"

    def __str__(self) -> str:
        said = self.state.replace("_", " ")
        got = f"{self.size} of {self.ordered}" if self.rest else f"{self.size}"
        return f"{got}, {'believed filled' if self.is_believed else said}"


class Priced(Protocol):
    """Contracts at a price."""

    @property
    def size(self) -> int: ...
    @property
    def price(self) -> Decimal: ...


def average_price(parts: Iterable[Priced]) -> Decimal:
    """Returns their average price, to the finest that the bus carries. ValueError for none."""
    paid, size = Decimal(0), 0
    for each in parts:
        paid, size = paid + each.price * each.size, size + each.size
    if not size:
        raise ValueError("Nothing was executed, so there is no price")
    rounded = (paid / size).quantize(_FINEST_PRICE, ROUND_HALF_EVEN)
    return paid / size if paid / size == rounded else rounded
