"""The portfolio within one process, in simulated time: for backtests, with no server and no coordinator.

It decides by the coordinator's own fold, event by event through the same codec, so a backtest is held to
exactly what is enforced live. Time is what `at` says it is; events get the IDs a server would give them.

A slot asked for with `hold` lasts however far time is moved on: where it has expired on the way, it is
asked for anew before anything else happens at the new time. Live it is renewed every few seconds instead.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Unpack

from portfold.config import Configuration
from portfold.coordinator.configured import unwatched_limits
from portfold.coordinator.fold.closing.scoped import closed_for
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import Decided, decide
from portfold.coordinator.views.status import status_values
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.chain import GENESIS
from portfold.events.codec import Fields, encode_checked
from portfold.events.fields import Side
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRequested,
    EntryWithdrawn,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    StopMoved,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from portfold.workers.client.amount import Amount, PlannedLoss, exact, planned, whole
from portfold.workers.client.answer import read_answer
from portfold.workers.client.closing.flatten_order import FlattenOrder, order_for
from portfold.workers.client.decision import Decision
from portfold.workers.client.worded import as_name, as_text

Record = Callable[[Fields, Decided], object]
"""Called for each event, as it would lie on the log, and what was decided on it."""


class InProcessPortfolio:
    """One portfolio; `gate` makes the gates of its workers. Only for one thread.

    It begins, with its limits, when `at` is first called.
    """

    def __init__(self, limits: LimitsChanged, *, record: Record | None = None) -> None:
        self.state = State()
        self._limits = limits
        self._record = record
        self._chain = GENESIS
        self._at = ORIGIN
        self._gates: list[InProcessGate] = []

    @classmethod
    def of(cls, configuration: Configuration, *, record: Record | None = None) -> "InProcessPortfolio":
        """Returns a portfolio with the limits that the configuration puts in force."""
        return cls(unwatched_limits(configuration), record=record)

    def gate(self, worker: str, symbols: Iterable[str] = ()) -> "InProcessGate":
        """Returns the gate of a worker."""
        gate = InProcessGate(self, worker, " ".join(symbols))
        self._gates.append(gate)
        return gate

    def at(self, moment: datetime) -> None:
        """Moves time on to `moment`, in whole milliseconds; an earlier one than before changes nothing."""
        ms = round(moment.timestamp() * 1000)
        if ms <= self._at.ms:
            return
        began = self._at != ORIGIN
        kept = [(gate, one) for gate in self._gates for one in gate.held.values() if gate.standing(one)]
        self._at = StreamId(ms - 1, 0)
        self.fold(ClockTicked(), ms)
        for gate, decision in kept:
            if not gate.standing(decision):
                gate.ask_again(decision)
        if not began:  # as on any log: first who leads says by which rules
            self.fold(CoordinatorStarted(leader="in-process", epoch=1, fold=FOLD_VERSION))
            self.fold(self._limits)

    def fold(self, event: Event, ms: int | None = None) -> Decided:
        """Folds the event, and passes on what is ordered. Raises RefusedField."""
        fields = encode_checked(event)
        same = ms is None or ms == self._at.ms
        self._at = StreamId(self._at.ms, self._at.seq + 1) if same else StreamId(ms or 0, 0)
        decided = decide(self.state, self._chain, self._at, fields)
        self._chain = decided.chain
        if self._record is not None:
            self._record(fields, decided)
        for at, decision in decided.entries:
            for gate in self._gates:
                order = order_for(gate.worker, Entry(at, decision))
                if order is not None:
                    gate.pass_on(order)
        return decided

    def get_status(self) -> dict[str, object]:
        """Returns the portfolio's status, see `coordinator.views.status`."""
        return status_values(portfolio_view(self.state, self._at))


class InProcessGate:
    """One worker's way to the portfolio in its own process; meets `gate_protocol.Gate`. Orders come
    at once.
    """

    def __init__(self, portfolio: InProcessPortfolio, worker: str, symbols: str) -> None:
        self.worker = worker
        self.orders = threading.RLock()
        self.portfolio = portfolio
        self._symbols = symbols
        self._number = 0
        self._callbacks: list[Callable[[FlattenOrder], object]] = []
        self._requests: dict[str, Callable[..., Event]] = {}
        self._granted: dict[str, int] = {}
        self.held: dict[str, Decision] = {}
        """What was allowed with `hold`, and is neither filled nor given back, by symbol."""

    def start(self) -> "InProcessGate":
        """Announces the worker."""
        self._publish(partial(WorkerStarted, symbols=self._symbols))
        return self

    def announce_again(self) -> bool:
        """Announces it anew; its reports cover everything."""
        self.start()
        return True

    def close(self, reason: str = "") -> None:
        """Says goodbye. Positions stay as they are."""
        self._publish(partial(WorkerStopped, reason=as_text(reason)))

    def on_flatten(self, callback: Callable[[FlattenOrder], object], *, reminded: bool = False) -> None:  # noqa: ARG002
        """Calls `callback` for every order to close; time stands still meanwhile, and nobody reminds."""
        self._callbacks.append(callback)

    def pass_on(self, order: FlattenOrder) -> None:
        """Has the order carried out."""
        for callback in self._callbacks:
            callback(order)

    def request_entry(
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        strategy: str = "",
        hold: bool = False,
        **plan: Unpack[PlannedLoss],
    ) -> Decision:
        """Asks for room; with `hold` the slot lasts until a fill is reported or it is given back."""
        ask = partial(EntryRequested, symbol=symbol, side=side, size=whole(size), strategy=strategy)
        ask = partial(ask, **planned(side, plan))
        decision = self._ask(ask, symbol)
        if decision and hold:
            self.held[symbol] = decision
            self._requests[symbol] = ask
        return decision

    def ask_again(self, decision: Decision) -> None:
        """Requests an expired `hold` slot anew: it stands again or, after a no, is held no longer."""
        again = self._ask(self._requests[decision.symbol], decision.symbol)
        if again:
            decision.event, decision.expires_ms = again.event, again.expires_ms
            decision.number = again.number
        else:
            self._let_go(decision.symbol)

    def _let_go(self, symbol: str) -> None:
        self.held.pop(symbol, None)
        self._requests.pop(symbol, None)

    def _ask(self, ask: Callable[..., Event], symbol: str) -> Decision:
        decided, number = self._publish(ask), self._number
        answer = read_answer(decided.at, [Entry(at, fields) for at, fields in decided.entries])
        if answer.allowed:
            self._granted[symbol] = number
        return Decision(
            allowed=answer.allowed,
            number=number,
            symbol=symbol,
            reason=answer.reason,
            code=answer.code,
            event=decided.at,
            expires_ms=answer.expires_ms,
            give_back=self._give_back,
        )

    def withdraw(self, symbol: str, reason: str = "", *, decision: Decision | None = None) -> bool:
        """Gives the slot back: the order was refused, cancelled or not sent."""
        self._let_go(symbol)
        number = decision.number if decision else self._granted.get(symbol)
        request = "" if number is None else str(number)
        self._publish(partial(EntryWithdrawn, symbol=symbol, reason=as_text(reason), request=request))
        return True

    def renew(self, decision: Decision) -> bool:
        """Returns whether its slot is there still: it lasts until it is used or given back."""
        return self.standing(decision)

    def standing(self, decision: Decision, *, seconds: float = 0.0) -> bool:  # noqa: ARG002 - no time passes
        """Returns whether a yes still holds: its slot is reserved, and the portfolio neither stopped nor
        halted, nor closed where it is.
        """
        state = self.portfolio.state
        slots = state.reservations.values()
        reserved = any(one.request == str(decision.event) and not one.revoked for one in slots)
        closed = state.scopes and closed_for(state, decision.symbol, self.worker) is not None
        return reserved and state.stop is None and state.halt is None and state.lockout is None and not closed

    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, fill: str = ""
    ) -> bool:
        """Reports a fill."""
        self._let_go(symbol)
        paid = exact(price, "price")
        self._publish(
            partial(
                PositionOpened, symbol=symbol, side=side, size=whole(size), price=paid, fill=as_name(fill)
            )
        )
        return True

    def position_closed(  # noqa: PLR0913 - what there is to report, each by its name
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        price: Amount,
        pnl: Amount,
        commission: Amount,
        reason: str = "",
        owner: str = "",
        fill: str = "",
        recorded: Callable[[], object] | None = None,
    ) -> bool:
        """Reports a close."""
        closed = partial(
            PositionClosed,
            symbol=symbol,
            side=side,
            size=whole(size),
            price=exact(price, "price"),
            commission=exact(commission, "commission"),
            pnl=exact(pnl, "pnl"),
            reason=as_text(reason),
            owner=owner,
            fill=as_name(fill),
        )
        self._publish(closed)
        if recorded is not None:
            recorded()
        return True

    def stop_moved(self, symbol: str, side: Side = "long", *, price: Amount) -> bool:
        """Reports where the stop of an open position is from now on."""
        self._publish(partial(StopMoved, symbol=symbol, side=side, stop_price=exact(price, "price")))
        return True

    def position_marked(
        self,
        symbol: str,
        side: Side = "long",
        *,
        price: Amount,
        unrealized: Amount,
        moment_ms: int = 0,  # noqa: ARG002 - no time passes between the marks of one
    ) -> bool:
        """Reports what an open position would make at `price`."""
        mark, open_pnl = exact(price, "price"), exact(unrealized, "unrealized")
        self._publish(partial(PositionMarked, symbol=symbol, side=side, price=mark, unrealized=open_pnl))
        return True

    def _give_back(self, decision: Decision, reason: str) -> None:
        self.withdraw(decision.symbol, reason, decision=decision)

    def _publish(self, kind: Callable[..., Event]) -> Decided:
        self._number += 1
        return self.portfolio.fold(kind(worker=self.worker, session="in-process", seq=self._number))
