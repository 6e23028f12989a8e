"""The account at the broker, which no process's death touches: what is really held, and really filled.

Fills at once at the market's price, keeps every exit until it is confirmed as reported, and keeps orders that
are still working, which fill when the market wants. A person may trade there by hand: what no process has
ordered is apart, and what the flattener adopts of it is closed as far as the account is on that side.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from portfold.config import Contract
from portfold.dollars import gross_pnl
from portfold.events.account import ACCOUNT
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
_START = Decimal(50_000)


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
        self.balance = _START
        """The equity without what is open; a commission is paid with the exit."""
        self.balances: list[tuple[int, Decimal]] = []
        """What it was before each move, and when that was."""
        self.now: Callable[[], int] = lambda: 0
        self.unreadable_until = 0
        self.by_hand: dict[str, BrokerPosition] = {}
        """What a person has opened, by symbol."""
        self.adopted: dict[str, BrokerPosition] = {}
        """What the flattener is to close of that, as its book has it."""
        self.otherwise: set[tuple[str, str]] = set()
        """Whose entries, in which symbol, were filled otherwise than they were believed."""
        self.adopts: Callable[[BrokerPosition], object] = lambda _held: None
        """Is told of what the flattener takes over, before it."""
        self.closes_unowned: Callable[[str, int], object] = lambda _symbol, _size: None
        """Is told of each close of that, before it."""

    def moves(self, dollars: Decimal) -> None:
        """So much is made or lost, paid in or out."""
        self.balances.append((self.now(), self.balance))
        self.balance += dollars

    def everything(self) -> list[BrokerPosition]:
        """What is held, by whomever."""
        return [*self.held.values(), *self.by_hand.values()]

    def net(self) -> dict[str, int]:
        """The signed contracts by symbol, where there are any."""
        net: dict[str, int] = {}
        for one in self.everything():
            net[one.symbol] = net.get(one.symbol, 0) + (one.size if one.side == "long" else -one.size)
        return {symbol: size for symbol, size in net.items() if size}

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

    def open(self, owner: str, symbol: str, side: Side, size: int, price: Decimal | None = None) -> Fill:
        """Fills an entry, at the market's price or another. BrokerError: the owner is on the other side."""
        price = self.prices[symbol] if price is None else price
        before = self.held.get((owner, symbol))
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

    def take_away(
        self,
        owner: str,
        symbol: str,
        size: int,
        price: Decimal | None = None,
        commission: Decimal = Decimal(0),
    ) -> None:
        """So many contracts are closed, at the market's price or another."""
        before = self.held.pop((owner, symbol))
        self._gains(before, size, price, commission)
        if before.size > size:
            self.held[owner, symbol] = structs.replace(before, size=before.size - size)

    def _gains(
        self, before: BrokerPosition, size: int, price: Decimal | None, commission: Decimal = Decimal(0)
    ) -> None:
        price = self.prices[before.symbol] if price is None else price
        value = self.contracts[before.symbol].point_value
        self.moves(gross_pnl(before.side, before.price, price, size, value) - commission)

    # --- what no process has ordered -----------------------------------------------------------------------

    def open_by_hand(self, symbol: str, side: Side, size: int) -> None:
        """A person opens a position, where he has none."""
        if symbol not in self.by_hand:
            price = self.prices[symbol]
            self.by_hand[symbol] = BrokerPosition(ACCOUNT, symbol, side, size, price, Decimal(0))

    def close_by_hand(self, symbol: str, size: int) -> None:
        """So much of that is closed, by whomever."""
        before = self.by_hand.pop(symbol)
        self._gains(before, size, None)
        if before.size > size:
            self.by_hand[symbol] = structs.replace(before, size=before.size - size)

    def close_all_by_hand(self, symbol: str) -> None:
        """A person closes what was opened by hand in it."""
        if symbol in self.by_hand:
            self.close_by_hand(symbol, self.by_hand[symbol].size)

    def close_adopted(self, symbol: str, side: Side, size: int) -> ExitFill:
        """Closes what was adopted, but no more than the account has on that side. NotOpen, BrokerError."""
        booked = self.adopted.get(symbol)
        if booked is None or booked.side != side or booked.size < size:
            raise NotOpen(f"nothing adopted is {side} {size} {symbol}")
        there = self.net().get(symbol, 0) * (1 if side == "long" else -1)
        if there < 1:
            raise BrokerError(f"the account is not {side} {symbol}: an exit would open the other way")
        size = min(size, there)
        self.closes_unowned(symbol, size)
        self.close_by_hand(symbol, size)
        del self.adopted[symbol]
        if booked.size > size:
            self.adopted[symbol] = structs.replace(booked, size=booked.size - size)
        nothing, price = Decimal(0), self.prices[symbol]
        fill = ExitFill(
            ACCOUNT, symbol, side, size, price, nothing, self.fill_id(size), booked.price, nothing
        )
        self.unreported[fill.fill_id] = fill
        return fill

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
        if owner == ACCOUNT:
            fill = self._account.close_adopted(symbol, side, size)
            self._comes_back(mishap)
            return OrderOutcome(size, _ended(fill, size), (fill,))
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
        adopted = [held for _, held in sorted(self._account.adopted.items()) if owner in (None, ACCOUNT)]
        held = [held for _, held in sorted(self._account.held.items()) if owner in (None, held.owner)]
        return adopted + held

    def adopt(self, held: BrokerPosition) -> None:
        """Takes into the book what the account holds and no order of ours entered, as a broker does that asks
        the account with each exit.
        """
        self._account.adopts(held)
        self._account.adopted[held.symbol] = held

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
