"""The account at the broker, which no process's death touches: what is really held, and really filled.

Fills at once at the market's price, keeps every exit until it is confirmed as reported, and keeps orders that
are still working, which fill when the market wants.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from portfold.config import Contract
from portfold.events.fields import Side
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome, State
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    MaySend,
    NotOpen,
    Withheld,
    always,
)
from tests.simulation.broker.mishaps import Mishap, Mishaps
from tests.simulation.scheduler import Crashed, Process

_PRICE_DECIMALS = Decimal("1e-10")


class Working(NamedTuple):
    """An order that is not filled yet."""

    symbol: str
    side: Side
    size: int


class Account:
    """What all owners hold, and the market's prices."""

    def __init__(
        self, contracts: Mapping[str, Contract], prices: Mapping[str, Decimal], mishaps: Mishaps
    ) -> None:
        self.mishaps = mishaps
        self.flattened: Callable[[str], object] = lambda _leg: None
        """Is told of a leg that somebody else than its owner closes."""
        self.crash: Callable[[str], object] = lambda _process: None
        self.contracts = contracts
        self.prices = dict(prices)
        self.held: dict[tuple[str, str], BrokerPosition] = {}
        self.unreported: dict[str, ExitFill] = {}
        self.fills: dict[str, int] = {}
        self.ordered: dict[str, int] = {}
        """The legs that a trader has ordered, with how wrong the server's clock was; others fill otherwise.
        """
        self.skew_ms: Callable[[], int] = lambda: 0
        self.working: dict[str, Working] = {}
        self.last_exit: dict[str, ExitFill] = {}
        """What was last closed of each owner's, by whomever."""

    def legs(self) -> dict[str, int]:
        """The contracts held, by leg as the log names it."""
        return {f"{one.symbol}:{one.side}:{one.owner}": one.size for one in self.held.values()}

    def of(self, owner: str, process: Process) -> "OwnBroker":
        """The account as one owner's broker shows it to that process."""
        return OwnBroker(self, owner, process)

    def fill_id(self, size: int) -> str:
        """A name for a fill of so many contracts."""
        name = f"fill-{len(self.fills) + 1}"
        self.fills[name] = size
        return name

    def open(self, owner: str, symbol: str, side: Side, size: int) -> Fill:
        """Fills an entry. BrokerError when the owner is on the other side."""
        price, before = self.prices[symbol], self.held.get((owner, symbol))
        self.ordered.pop(f"{symbol}:{side}:{owner}", None)
        if before is not None and before.side != side:
            raise BrokerError(f"{owner} is {before.side} {symbol}")
        cost = price * size + (before.price * before.size if before else 0)
        total = size + (before.size if before else 0)
        average = (cost / total).quantize(_PRICE_DECIMALS).normalize()
        self.held[owner, symbol] = BrokerPosition(owner, symbol, side, total, average, Decimal(0))
        return Fill(owner, symbol, side, size, price, Decimal(0), self.fill_id(size))

    def close(self, owner: str, symbol: str, side: Side, size: int) -> ExitFill:
        """Fills an exit. NotOpen when that much is not open."""
        before = self.held.get((owner, symbol))
        if before is None or before.side != side or before.size < size:
            raise NotOpen(f"{owner} does not hold {side} {size} {symbol}")
        self.take_away(owner, symbol, size)
        nothing = Decimal(0)
        fill = ExitFill(
            owner,
            symbol,
            side,
            size,
            self.prices[symbol],
            nothing,
            self.fill_id(size),
            before.price,
            nothing,
        )
        self.unreported[fill.fill_id] = self.last_exit[owner] = fill
        return fill

    def take_away(self, owner: str, symbol: str, size: int) -> None:
        """So many contracts are not held any more."""
        before = self.held.pop((owner, symbol))
        if before.size > size:
            self.held[owner, symbol] = structs.replace(before, size=before.size - size)

    def fill_working(self, owner: str) -> Fill | None:
        """The market fills what was left of an order, whoever is alive to hear of it."""
        order = self.working.pop(owner, None)
        if order is None:
            return None
        try:
            return self.open(owner, order.symbol, order.side, order.size)
        except BrokerError:
            return None  # the other side is held by now: the broker has cancelled it


class OwnBroker:
    """One owner's `workers.brokers.protocol.Broker`."""

    def __init__(self, account: Account, owner: str, process: Process) -> None:
        self._account = account
        self._owner = owner
        self._process = process

    def enter(
        self,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal,  # noqa: ARG002 - at the market's
        *,
        may_send: MaySend = always,
    ) -> OrderOutcome[Fill]:
        mishap = self._on_the_way("enter")
        if not may_send():
            raise Withheld(symbol)
        self._arrives(mishap)
        fill = self._account.open(self._owner, symbol, side, _filled(mishap, size))
        self._account.ordered[f"{symbol}:{side}:{self._owner}"] = self._account.skew_ms()
        self._comes_back(mishap)
        return OrderOutcome(size, _ended(fill, size), (fill,))

    def exit(
        self,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal | None,  # noqa: ARG002 - at the market's
        *,
        owner: str | None = None,
    ) -> OrderOutcome[ExitFill]:
        mishap = self._on_the_way("exit")
        self._arrives(mishap)
        if owner not in (None, self._owner) and (owner, symbol) in self._account.held:
            self._account.flattened(f"{symbol}:{side}:{owner}")
        fill = self._account.close(owner or self._owner, symbol, side, _filled(mishap, size))
        self._comes_back(mishap)
        return OrderOutcome(size, _ended(fill, size), (fill,))

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        return [
            self._account.close(held.owner, held.symbol, held.side, held.size)
            for held in self.positions(owner or self._owner)
        ]

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        return [held for _, held in sorted(self._account.held.items()) if owner in (None, held.owner)]

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        return [fill for fill in self._account.unreported.values() if owner in (None, fill.owner)]

    def mark(self, symbol: str, price: Decimal) -> None:
        """The market's prices are the account's own."""

    def close(self) -> None:
        """It has nothing to let go of."""

    def confirm_reported(self, fill_id: str) -> None:
        self._account.unreported.pop(fill_id, None)

    # --- what goes wrong -----------------------------------------------------------------------------------

    def _on_the_way(self, does: str) -> Mishap:
        mishap = self._account.mishaps.strike(does)
        if mishap.kind in ("refused", "no connection"):
            raise BrokerError(mishap.kind)
        if mishap.kind == "slow connection":
            self._process.sleep(mishap.ms / 1000)
        if mishap.kind == "sleeps":
            self._process.machine_sleeps(mishap.ms)
        return mishap

    def _arrives(self, mishap: Mishap) -> None:
        if mishap.kind == "late order":
            self._process.sleep(mishap.later_ms / 1000)
        if mishap.kind == "dies" and not mishap.arrives:
            self._dies()

    def _comes_back(self, mishap: Mishap) -> None:
        if mishap.kind == "dies":
            self._dies()
        if mishap.kind == "late answer":
            self._process.sleep(mishap.ms / 1000)

    def _dies(self) -> None:
        self._account.crash(self._process.name)
        raise Crashed


def _ended(fill: Fill, ordered: int) -> State:
    return "filled" if fill.size == ordered else "cancelled"


def _filled(mishap: Mishap, size: int) -> int:
    """How many of so many contracts the market fills; the rest is cancelled."""
    return 1 if mishap.kind == "part" else size
