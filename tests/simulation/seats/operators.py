"""Operators, and people with a Redis shell: orders, settlements, and garbage written by hand."""

import contextlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from portfold.cli.operate.reconcile import _as_event as as_event
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, changed_limits
from portfold.coordinator.views.view_field import view_in
from portfold.events.account import ACCOUNT, AccountSettled, CashMoved
from portfold.events.codec import RefusedField, encode_checked
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    LockoutOrdered,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerRetired,
)
from portfold.events.wire.errors import BusError
from portfold.workers.brokers.book_correction import correct
from portfold.workers.brokers.orders_book import BrokerOrder
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.brokers.settlement import Settlement
from portfold.workers.brokers.traderspost.reconciliation import Reconciliation
from portfold.workers.client.closing.flatten_order import pull_fields
from tests.simulation.memory.wire import Wire
from tests.simulation.rules.calendars import published_sessions, published_windows
from tests.simulation.rules_of_money import Rules
from tests.simulation.scheduler import Process
from tests.simulation.seats.configured import ACCOUNT_NAME
from tests.simulation.seats.world import Seat, World


def _in_words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_BY, _SECOND = "olga", "petra"
_NO_RULES = {name: _in_words(absent) for name, absent in RULES_THAT_MAY_BE_ABSENT.items()}
BOOK = Path(__file__)
"""A file that exists: what is opened in its place is the run's book."""

GARBAGE = (
    ["type", "Nonsense"],
    ["", ""],
    ["type", "TradingHalted", "by", "me"],
    ["type", "TradingHalted", "by", "me", "by", "you", "reason", ""],
    ["type", "EntryRequested", "worker", "ann", "session", "x", "seq", "1e3", "symbol", "ES", "side", "long"],
    ["type", "PositionOpened", "worker", "ann", "session", "x", "seq", "1", "symbol", "ES", "side", "long",
     "size", "0", "price", "1"],
    ["type", "PositionClosed", "worker", "ann", "session", "x", "seq", "1", "symbol", "ES", "side", "long",
     "size", "1", "price", "NaN", "commission", "0", "pnl", "0"],
    ["\udcff", "\x1b[2J"],
    ["type", "WorkerLost", "worker", "nobody", "session", "s", "silent_ms", "5"],
    ["type", "ClockTicked"],
    ["n", "é" * 300],
)  # fmt: skip
FORGED = (
    ["type", "PositionOpened", "worker", "eve", "session", "e", "seq", "{}", "symbol", "SI", "side", "short",
     "size", "1", "price", "-37.63"],
    ["type", "EntryRequested", "worker", "eve", "session", "e", "seq", "{}", "symbol", "CL", "side", "long",
     "size", "1"],
    ["type", "EntryWithdrawn", "worker", "bob", "session", "e", "seq", "{}", "symbol", "ES"],
    ["type", "CoordinatorStarted", "leader", "eve", "epoch", "99", "fold", "1"],
    ["type", "WorkerStarted", "worker", "eve", "session", "e", "seq", "{}", "positions", "ES:long:1:5000"],
)  # fmt: skip


class OperatorSeat(Seat):
    """Whoever sits here gives orders, once each: what got no answer is left at that."""

    def begin(self, process: Process, wire: Wire) -> None:  # noqa: ARG002 - a person
        self._wire = wire
        self._untold: dict[str, bool] = {}
        self._main = self.actor()

    def act(self, action: Callable[[], None]) -> None:
        def once() -> None:
            with contextlib.suppress(BusError, RefusedField):
                action()

        self.world.scheduler.at(self.world.scheduler.now, self._main, once)

    def halt(self) -> None:
        self._say(TradingHalted(by=_BY, reason="news"))

    def resume(self) -> None:
        self._say(TradingResumed(by=_BY, reason="calm again"))

    def resume_by_force(self) -> None:
        self._say(TradingResumed(by=_BY, reason="I know better", force=True))

    def flatten(self) -> None:
        self._say(FlattenRequested(by=_BY, reason="enough"))

    def lock_out(self, ms: int) -> None:
        """`portfold lockout`, for so many milliseconds from now, by the server's clock."""
        self._say(LockoutOrdered(by=_BY, reason="enough", until_ms=self.world.server_ms() + ms))

    def close_scope(self, **scope: str) -> None:
        self._say(TradingHalted(by=_BY, reason="it trades nonsense", **scope))

    def flatten_scope(self, **scope: str) -> None:
        self._say(FlattenRequested(by=_BY, reason="enough of it", **scope))

    def open_scope(self, **scope: str) -> None:
        self._say(TradingResumed(by=_BY, reason="it is mended", force=False, **scope))

    def open_all_scopes(self) -> None:
        """What is closed apart is opened by its own name each."""
        for closed in list(self.world.judge.checkpoint.state.scopes.values()):
            self.open_scope(**{closed.kind: closed.name})

    def kill_switch(self) -> None:
        event = self._wire.append(encode_checked(FlattenRequested(by=_BY, reason="enough")))
        self._wire.pull_killswitch(pull_fields(_BY, "enough", event))

    def limits(self, max_positions: int, max_contracts: int) -> None:
        second = _SECOND if max_positions % 2 else ""
        changes = {"max_positions": str(max_positions), "max_contracts": str(max_contracts)}
        self._change(changes, second)

    def rules(self, drawn: Rules, second: str) -> None:
        """Orders these rules of money, and none of the others; alone, or with a second person's name."""
        self._change(_NO_RULES | {name: _in_words(value) for name, value in drawn.items()}, second)

    def no_rules(self) -> None:
        """Puts no rule in force that may be absent, and no windows of their own dates."""
        self._change(_NO_RULES, _SECOND)
        self.news([])

    def sessions(self, days: int, closes: int, *, holiday: bool) -> None:
        """`portfold calendar publish`: so many days; today's closes in `closes` minutes."""
        self._say(published_sessions(self.world.server_ms(), days, closes, holiday=holiday))

    def news(self, windows: list[dict[str, Any]]) -> None:
        """`portfold calendar windows`: these, around the minute of now."""
        self._say(published_windows(self.world.server_ms(), windows))

    def pay(self, dollars: int) -> None:
        """Pays so much into the account, or out of it, and `portfold account cash`."""
        self.world.account.moves(Decimal(dollars))
        self._say(CashMoved(by=_BY, reason="a wire", amount=Decimal(dollars)))

    def _change(self, changes: Mapping[str, str], second: str) -> None:
        view = view_in(self._wire.status())
        in_force = view.limits if view else None
        self._say(changed_limits(in_force, changes, by=_BY, reason="as I like", second=second))
        view = view_in(self._wire.status())
        in_force = view.limits if view else None
        self._say(changed_limits(in_force, changes, by=_BY, reason="as I like", second=second))

    def settle(self) -> None:
        """Looks at the broker, and says what became of orders, and what is held of what is unsettled."""
        self._reconcile()
        unknown = {(one.owner, one.symbol) for one in self.world.brokers.unsettled()}
        for odd in list(self.world.judge.checkpoint.state.unsettled):
            symbol, _, worker = odd.split(":")
            if (worker, symbol) not in unknown:
                self._settle(odd)
        self._settle_what_was_filled_otherwise(unknown)

    @property
    def has_to_say_again(self) -> bool:
        """Whether the log did not take what was said of an order: `portfold reconcile` ended with that."""
        return bool(self._untold)

    def retire(self) -> None:
        """Gives up every worker that is counted as lost, whatever it may hold."""
        for name in list(self.world.judge.checkpoint.state.lost):
            self._say(WorkerRetired(by=_BY, reason="it will not come back", worker=name))

    def settle_forged(self) -> None:
        """Takes out of the log what somebody wrote there by hand, for workers that never were."""
        slots = self.world.judge.checkpoint.state.reservations.values()
        granted = [f"{slot.symbol}:{slot.side}:{slot.worker}" for slot in slots]
        for leg in (*self.world.judge.book.held, *granted):
            if leg.rpartition(":")[2] not in (*self.world.seats, ACCOUNT):
                self._settle(leg)

    def _settle_what_was_filled_otherwise(self, unknown: set[tuple[str, str]]) -> None:
        """`portfold settle --in-book`, of what the account has shown to be otherwise than it was believed."""
        for leg in self.world.law.differences():
            symbol, _, worker = leg.split(":")
            shown = symbol in self.world.judge.account.stands
            if shown and worker == ACCOUNT:
                self._settle(leg)
            elif shown and (worker, symbol) in self.world.account.otherwise - unknown:
                with contextlib.suppress(BrokerError):
                    correct("traderspost", BOOK, self.world.account.contracts, self._as_held(leg))
                    self._settle(leg)

    def close_at_broker(self) -> None:
        """Closes by hand what the flattener said that it cannot close, and settles that."""
        for leg in list(self.world.judge.book.held):
            symbol, side, worker = leg.split(":")
            can_not = any(f"{symbol} {side}" in line for line in self.world.law.said if "NOT CLOSED" in line)
            if worker == ACCOUNT and can_not:
                self.world.account.close_all_by_hand(symbol)
                self._settle(leg)

    def account_is_right(self) -> None:
        """`portfold reconcile --account-is-right`."""
        self._say(AccountSettled(by=_BY, reason="as the broker says", account=ACCOUNT_NAME))

    def _reconcile(self) -> None:
        """`portfold reconcile`, of each order that surely arrives no more: whether anything is open of it."""
        if not self.world.brokers.by_signals:
            return
        for order in self.world.brokers.unsettled():
            if order.id not in self.world.desk.on_the_way:
                self._untold[order.id] = self._is_filled(order)
        for order in self.world.brokers.gone():
            self._untold[order.id] = False
        books = Reconciliation(
            Path("book"), self.world.account.contracts, self._tell, self.world.brokers.now_ms
        )
        for name, filled in list(self._untold.items()):
            with contextlib.suppress(BrokerError):  # it is being sent, or more has happened since
                (books.filled(name, None) if filled else books.not_filled(name))
            del self._untold[name]

    def _is_filled(self, order: BrokerOrder) -> bool:
        if order.does == "enter":
            return order.id in self.world.desk.open
        return (order.owner, order.symbol) not in self.world.account.held

    def _tell(self, settled: Settlement) -> None:
        self._say(as_event(settled, _BY, "as the broker says"))

    def _settle(self, leg: str) -> None:
        self._say(self._as_held(leg))

    def _as_held(self, leg: str) -> PositionSettled:
        symbol, side, worker = leg.split(":")
        account = self.world.account
        held = account.by_hand.get(symbol) if worker == ACCOUNT else account.held.get((worker, symbol))
        agrees = held is not None and held.side == side
        return PositionSettled(
            by=_BY,
            reason="as the broker says",
            symbol=symbol,
            worker=worker,
            side="long" if side == "long" else "short",
            size=held.size if held is not None and agrees else 0,
            price=held.price if held is not None and agrees else Decimal(0),
            pnl=Decimal(0),
        )

    def _say(self, event: Event) -> None:
        self._wire.append(encode_checked(event))


def write_by_hand(world: World, what: str, which: int) -> None:
    """Adds to the events what nobody should: garbage, a copy of an earlier entry, something forged."""
    events = world.server.stream(world.keys.events)
    match what:
        case "garbage":
            fields = GARBAGE[which % len(GARBAGE)]
        case "forged":
            fields = [word.format(which) for word in FORGED[which % len(FORGED)]]
        case _:
            if events is None or not events.entries:
                return
            fields = events.entries[-1 - which % min(20, len(events.entries))].fields
            if fields[1] == PositionSettled.__name__:  # by a person, and so true
                return
    world.server.add(world.keys.events, "*", fields)
