"""What a person settles of an order of which a broker says no more, whichever broker that is."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, Protocol

from portfold.events.fields import Side
from portfold.workers.brokers.protocol import BrokerError


class SettledOrder(Protocol):
    """An order of `owner`, as far as a settlement names it; `side` is that of the position."""

    @property
    def owner(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> Side: ...


class Settlement(NamedTuple):
    """What is true now: the owner holds `size` contracts of the order's side at `price`.

    `pnl` are dollars, net, that a position made when it was closed unseen. `published`: the log
    may have held something else, so the settlement is published.
    """

    order: SettledOrder
    size: int
    price: Decimal
    pnl: Decimal
    published: bool


Publish = Callable[[Settlement], object]
"""Puts a settlement on the log."""


class Settles(Protocol):
    """A book whose orders a person can settle. `publish` puts it on the log, with the book free again.

    If publishing fails, or the process dies over it, settling the same again publishes again; the log folds
    it once. All raise BrokerError.
    """

    def in_words(self) -> list[str]:
        """Returns a line for each order of which nobody knows, and for each that is still to be published."""
        ...

    def filled(self, order_id: str, price: Decimal | None) -> Settlement | None:
        """Settles it as filled, at `price` or the expected one. Returns None when it was counted already."""
        ...

    def not_filled(self, order_id: str) -> Settlement | None:
        """Settles it as not filled, for good. Returns None when nothing of it was counted."""
        ...

    def close(self) -> None: ...


def refuse_to_be_overtaken(settlement: Settlement, size: int) -> None:
    """Raises BrokerError where a trade came between book and log: its report may precede the settlement."""
    if size != settlement.size:
        order = settlement.order
        raise BrokerError(
            f"Order {order} is settled, but {order.symbol} was traded meanwhile: the log was told "
            f"{settlement.size}, and the book holds {size}. Look at portfold status; where it differs: "
            f"portfold settle {order.symbol} {order.owner} --size {size}"
        )
