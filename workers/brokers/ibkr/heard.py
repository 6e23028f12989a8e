"""What is heard of the gateway, in words of ours, and who hears it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol

from portfold.workers.brokers.ibkr.order_life import BrokerMessage


class OrderNews(NamedTuple):
    """What was said of the order that we call `reference`."""

    reference: str
    message: BrokerMessage


class HeldContract(NamedTuple):
    """The account's position in a contract: `size` below zero is short.

    `symbol` is the broker's, `con_id` its number of the contract, `average_cost` in dollars.
    """

    account: str
    kind: str
    symbol: str
    multiplier: str
    size: int
    average_cost: Decimal
    con_id: int = 0


class WorkingOrder(NamedTuple):
    """An order that may still be filled, unless it `is_over`, whoever gave it: a program, or a person at the
    screen.

    `kind` and `symbol` are of what it trades; `reference` is what its program calls it, if anything, and
    `action` BUY or SELL.
    """

    account: str
    kind: str
    symbol: str
    reference: str = ""
    client_id: int = 0
    action: str = ""
    size: int = 0
    order_type: str = ""
    is_over: bool = False

    def __str__(self) -> str:
        name = f" {self.reference}" if self.reference else ""
        return f"{self.action} {self.size} {self.symbol} {self.order_type}{name} of client {self.client_id}"


class AccountValue(NamedTuple):
    """One figure of an account, such as NetLiquidation."""

    account: str
    name: str
    value: str
    currency: str


class Listing(NamedTuple):
    """All that the broker has, as of one moment: the references of its orders, of those that are at work, and
    by contract id what the account holds, below zero for short.

    `connected`: the number of the connection that it was asked on; `at`: when, by the monotonic clock. It is
    `complete` unless a question was refused: then what is not in it may be there all the same.
    """

    references: frozenset[str]
    working: frozenset[str]
    positions: Mapping[int, int]
    connected: int
    at: float
    complete: bool


class Hears(Protocol):
    """Who is told of what comes in, on the connection's thread: none of it may wait."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether an order of this client is not over: what becomes of it is asked for now and then."""
        ...

    def hear(self, news: OrderNews) -> None: ...
    def hear_listing(self, listing: Listing) -> None: ...
    def hear_break(self, why: str) -> None: ...


def sizes(held: Mapping[int, HeldContract]) -> dict[int, int]:
    """Returns how much is held of each contract, below zero for short."""
    return {con_id: each.size for con_id, each in held.items()}
