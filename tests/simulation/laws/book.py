"""The book kept a second time, from events and decisions alone and by none of the fold's code.

It knows what is held and what is reserved, who may be granted what, and which answer a request was given; and
says so when a decision is not one that the limits, the latch or an earlier answer allow.
"""

from typing import NamedTuple

from msgspec import structs

from portfold.events.account import ACCOUNT
from portfold.events.decisions import (
    LATE_REPORTS,
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    EventRejected,
    FlattenOrdered,
    PortfolioFlat,
    PositionMismatch,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import (
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.legs import parse_holdings
from portfold.events.limits_changed import LimitsChanged
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId
from tests.simulation.scheduler import Violation

_Name = tuple[str, str, int]
"""Worker, session and number of an event."""
_ANSWERS_KEPT = 8
ON_TIME = ("not filled in time", "taken back by a flatten, and no fill of it was reported")


class Reserved(NamedTuple):
    """What was granted and is not filled yet."""

    size: int
    request: str


def _leg(symbol: str, side: str, worker: str) -> str:
    return f"{symbol}:{side}:{worker}"


class Book:
    """`held` contracts and `reserved` ones, by leg; `kept` are the reserved whose worker was lost, or
    stopped, since."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.reserved: dict[str, Reserved] = {}
        self.kept: set[str] = set()
        self.stopped_on = ""
        self.halted = False
        self._flattening = False
        self._limits: LimitsChanged | None = None
        self._waiting: LimitsChanged | None = None
        self._today = ""
        self._sessions: dict[str, str] = {}
        self._said: dict[tuple[str, str], int] = {}
        self._fills: set[str] = set()
        self._answers: dict[str, dict[_Name, tuple[str, Decision]]] = {}

    def enter(self, at: StreamId, event: Event | Malformed, decisions: list[Decision]) -> None:
        """Takes note of one event and what was decided on it. Raises Violation."""
        refused = any(isinstance(decision, EventRejected) for decision in decisions)
        for decision in decisions:
            self._time_passed(event, decision)
        if isinstance(event, WorkerEvent):
            self._worker_says(at, event, decisions, refused=refused)
        elif not refused:
            self._ordered(event)
        for decision in decisions:
            self._follows(decision)
        self.kept &= self.reserved.keys()
        self._lift_if_over()

    def _follows(self, decision: Decision) -> None:
        match decision:
            case StopLossTriggered():
                self.stopped_on, self._flattening = self._today, True
            case FlattenOrdered():
                self._flattening = True
            case PortfolioFlat():
                self._flattening = False
            case PositionMismatch() if decision.worker == ACCOUNT:
                leg = _leg(decision.symbol, decision.side, ACCOUNT)
                self._set(leg, self.held.get(leg, 0) + decision.broker_size)

    def _lift_if_over(self) -> None:
        """The latch may lift on a later day than it fell on, once nothing is held; and the account, where one
        is watched, has said so.
        """
        unconfirmed = self._flattening and self._limits is not None and bool(self._limits.account)
        if self.stopped_on and self._today > self.stopped_on and not self.held and not unconfirmed:
            self.stopped_on = ""

    def _time_passed(self, event: Event | Malformed, decision: Decision) -> None:
        if isinstance(decision, EntryExpired):
            leg = _leg(decision.symbol, decision.side, decision.worker)
            if leg not in self.reserved:
                raise Violation("a slot is freed once", f"{leg} expired and was not reserved")
            told = isinstance(event, WorkerStarted) and event.worker == decision.worker
            if leg in self.kept and not told:
                raise Violation("a lost worker keeps its slots", f"{leg} expired before its worker was back")
            if isinstance(event, WorkerLost) and decision.reason not in ON_TIME:
                raise Violation("a lost worker keeps its slots", f"{leg} expired with the loss")
            if isinstance(event, WorkerStopped) and decision.reason not in ON_TIME:
                raise Violation("a worker that stopped keeps its slots", f"{leg} expired with the stop")
            del self.reserved[leg]
        if isinstance(decision, TradingDayStarted):
            self._today = decision.day
            self._limits, self._waiting = self._waiting or self._limits, None
            self._lift_if_over()

    # --- operators ---------------------------------------------------------------------------------------

    def _ordered(self, event: Event | Malformed) -> None:
        match event:
            case LimitsChanged():
                self._limits_ordered(event)
            case TradingHalted() | FlattenRequested() | TradingResumed() if event.scope is not None:
                pass
            case TradingHalted() | FlattenRequested():
                self.halted = True
            case TradingResumed():
                self.halted = False
                if event.force:
                    self.stopped_on = ""
            case PositionSettled():
                leg = _leg(event.symbol, event.side, event.worker)
                if leg in self.kept:
                    del self.reserved[leg]
                self._set(leg, event.size)
            case WorkerRetired():
                own = [leg for leg in (*self.held, *self.reserved) if leg.endswith(f":{event.worker}")]
                if own:
                    raise Violation("who is retired has nothing open", f"{event.worker} has {own}")
            case WorkerLost():
                self._keeps(event.worker)

    def _limits_ordered(self, event: LimitsChanged) -> None:
        """Of what one person orders nothing loosens before the next trading day."""
        before, self._limits, self._waiting = self._limits, event, None
        if before is None or event.second:
            return
        self._waiting = event
        self._limits = structs.replace(
            event,
            max_positions=min(event.max_positions, before.max_positions),
            max_contracts=min(event.max_contracts, before.max_contracts),
            account=event.account or before.account,
            contract_weights=event.contract_weights or before.contract_weights,
        )

    def _keeps(self, worker: str) -> None:
        self.kept |= {leg for leg in self.reserved if leg.endswith(f":{worker}")}

    # --- workers -----------------------------------------------------------------------------------------

    def _worker_says(
        self, at: StreamId, event: WorkerEvent, decisions: list[Decision], *, refused: bool
    ) -> None:
        self._sessions.setdefault(event.worker, event.session)
        last = self._said.get((event.worker, event.session), -1)
        repeated = event.seq <= last
        self._said[event.worker, event.session] = max(event.seq, last)
        if isinstance(event, EntryRequested):
            self._asked(at, event, decisions, repeated=repeated)
        elif not repeated and not refused:
            self._fact(event, decisions)

    def _fact(self, event: WorkerEvent, decisions: list[Decision]) -> None:
        late = any(isinstance(one, PositionMismatch) and one.kind in LATE_REPORTS for one in decisions)
        if late and event.session == self._sessions[event.worker]:
            raise Violation("only a replaced process reports late", f"{event.session} of {event.worker}")
        match event:
            case PositionOpened():
                self._named_once(f"opened {event.fill}" if event.fill else "")
                leg = _leg(event.symbol, event.side, event.worker)
                self._use(leg, event.size)
                self._set(leg, self.held.get(leg, 0) + event.size)
                self._owner_is_known(event.symbol, event.side, event.size)
            case PositionClosed():
                self._named_once(f"closed {event.fill}" if event.fill else "")
                leg, nobodys = (
                    _leg(event.symbol, event.side, name) for name in (event.owner or event.worker, ACCOUNT)
                )
                if event.fill and leg not in self.held and nobodys in self.held:
                    leg = nobodys
                if leg in self.kept:
                    self._use(leg, max(0, event.size - self.held.get(leg, 0)))
                self._set(leg, max(0, self.held.get(leg, 0) - event.size))
            case EntryWithdrawn() if self._sessions[event.worker] == event.session:
                for leg in (_leg(event.symbol, side, event.worker) for side in ("long", "short")):
                    if leg in self.reserved and self._is_meant(event, self.reserved[leg]):
                        del self.reserved[leg]
            case WorkerStopped() if self._sessions[event.worker] == event.session:
                self._keeps(event.worker)
            case WorkerStarted():
                self._sessions[event.worker] = event.session
                self._started(event, decisions)

    def _is_meant(self, event: EntryWithdrawn, slot: Reserved) -> bool:
        """A withdrawal gives back the slot of the request that it names, and of no other."""
        if not event.request:
            return True
        name = (event.worker, event.session, int(event.request))
        answered = self._answers.get(event.worker, {}).get(name)
        return answered is not None and answered[0] == slot.request

    def _started(self, event: WorkerStarted, decisions: list[Decision]) -> None:
        """What the broker holds beyond the log counts, and is said."""
        said = {
            _leg(one.symbol, one.side, one.worker) for one in decisions if isinstance(one, PositionMismatch)
        }
        for holding in parse_holdings(event.positions):
            leg = _leg(holding.symbol, holding.side, event.worker)
            if holding.size != self.held.get(leg, 0) and leg not in said:
                raise Violation(
                    "a difference to the broker is said", f"{leg} is {holding.size} at the broker"
                )
            self._owner_is_known(holding.symbol, holding.side, holding.size - self.held.get(leg, 0))
            self._set(leg, max(holding.size, self.held.get(leg, 0)))

    def _owner_is_known(self, symbol: str, side: str, size: int) -> None:
        """What the account alone was seen to hold is by so much somebody's."""
        leg = _leg(symbol, side, ACCOUNT)
        if leg in self.held and size > 0:
            self._set(leg, max(0, self.held[leg] - size))

    def _named_once(self, fill: str) -> None:
        if fill and fill in self._fills:
            raise Violation("a fill is folded once", fill)
        self._fills.add(fill)

    def _use(self, leg: str, size: int) -> None:
        reserved = self.reserved.pop(leg, None)
        if reserved is not None and reserved.size > size:
            self.reserved[leg] = reserved._replace(size=reserved.size - size)

    def _set(self, leg: str, size: int) -> None:
        if size:
            self.held[leg] = size
        else:
            self.held.pop(leg, None)

    # --- answers -----------------------------------------------------------------------------------------

    def _asked(
        self, at: StreamId, event: EntryRequested, decisions: list[Decision], *, repeated: bool
    ) -> None:
        answers = [one for one in decisions if isinstance(one, EntryAllowed | EntryDenied | EventRejected)]
        if len(answers) != 1:
            raise Violation("every request is answered exactly once", f"{at} has {len(answers)} answers")
        known = self._answers.setdefault(event.worker, {})
        name = (event.worker, event.session, event.seq)
        if repeated:
            _answered_alike(at, known.get(name), answers[0], recent=name in list(known)[-_ANSWERS_KEPT:])
            return
        known[name] = (str(at), answers[0])
        if isinstance(answers[0], EntryAllowed):
            self._granted(at, event, answers[0])

    def _granted(self, at: StreamId, event: EntryRequested, answer: EntryAllowed) -> None:
        limits, leg = self._limits, _leg(event.symbol, event.side, event.worker)
        if limits is None or event.symbol not in limits.symbols.split(" "):
            raise Violation("grants are within the limits", f"{at} is granted {event.symbol}")
        if any(other.startswith(f"{event.symbol}:") for other in (*self.held, *self.reserved)):
            raise Violation("grants are within the limits", f"{at} is granted {event.symbol}, which is taken")
        self.reserved[leg] = Reserved(event.size, str(at))
        slots = len(self.held.keys() | self.reserved.keys())
        contracts = 0  # where they count by weight, another law counts them
        if not limits.contract_weights:
            contracts = sum(self.held.values()) + sum(one.size for one in self.reserved.values())
        if slots > limits.max_positions or contracts > limits.max_contracts:
            raise Violation(
                "grants are within the limits",
                f"{at} makes it {slots} slots of {limits.max_positions}, {contracts} contracts of "
                f"{limits.max_contracts}",
            )
        if self.stopped_on or self.halted:
            why = f"stopped on {self.stopped_on}" if self.stopped_on else "halted"
            raise Violation("no entry after the latch", f"{at} is granted while {why}")
        if (answer.symbol, answer.side, answer.size) != (event.symbol, event.side, event.size):
            raise Violation("an answer is to what was asked", f"{at}: {answer}")


def _answered_alike(
    at: StreamId, known: tuple[str, Decision] | None, answer: Decision, *, recent: bool
) -> None:
    """A retry hears what the first try was told, or that what it was granted is over; or is refused."""
    if known is None or not recent:
        alike = isinstance(answer, EventRejected)
    else:
        first, before = known
        over = isinstance(answer, EntryDenied) and answer.code == "reservation_over"
        alike = over or (
            isinstance(answer, EntryAllowed | EntryDenied) and structs.replace(answer, repeats="") == before
        )
        alike = alike and getattr(answer, "repeats", "") == first
    if not alike:
        raise Violation("a retry is answered alike", f"{at}: {answer}, where before it was {known}")
