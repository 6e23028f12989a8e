"""What must hold of one worker's own loss: at its limit that worker is closed, it alone, until it is let in.

What a worker made is reckoned a second time as a difference: all it has ever realized and has open now, less
the same when the trading day began. So nothing depends on how the fold divides what earlier days counted.
"""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT
from portfold.events.decisions import Decision, FlattenOrdered, LimitReached, TradingDayStarted
from portfold.events.incoming import Event, Malformed, PositionClosed, PositionSettled, TradingResumed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from tests.simulation.laws.exposure.numbers import number_of
from tests.simulation.laws.together_law import TogetherLaw
from tests.simulation.scheduler import Violation

_RULE = "worker_daily_loss"
_CLOSED = "a worker that has lost what it may is closed, and no other"


class WorkerLossLaw:
    """Follows what each worker makes. `lost_from` is the day's P&L from which a worker's loss counts."""

    def __init__(self, together: TogetherLaw) -> None:
        self._together = together
        self._realized: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._open: dict[str, Decimal] = {}
        self._at_roll: dict[str, Decimal] = {}
        self._lost_from: dict[str, Decimal] = {}
        self._held: set[str] = set()
        self._closed: set[str] = set()
        self._limits: Limits | None = None
        self._net = ZERO

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        known = self._marks_count_first(at, decisions)
        before = {worker: self.made(worker) for worker in state.workers}
        for one in decisions:
            if isinstance(one, TradingDayStarted):
                self._day_begins(known=bool(one.previous_day))
        self._attribute(event, state)
        self._limits = limits = state.limits
        if limits is None or limits.stop_loss_on != "total":
            return
        if isinstance(event, TradingResumed) and event.worker and self.is_reached(event.worker, limits):
            self._lost_from[event.worker] = self.made(event.worker)
        for one in decisions:
            if isinstance(one, LimitReached) and one.rule == _RULE and one not in known:
                self._reached(at, one, decisions, {self.made(one.worker), before.get(one.worker, ZERO), ZERO})
        self._closed = {one.name for one in state.scopes.values() if one.kind == "worker" and one.flatten}
        for worker in state.workers:
            if self.is_reached(worker, limits) and worker not in self._closed:
                raise Violation(_CLOSED, f"{at}: {worker} has made {self.made(worker)} and is not closed")
        self._held = set(state.positions)

    def _marks_count_first(self, at: StreamId, decisions: list[Decision]) -> list[LimitReached]:
        """Has the marks that waited count before what is said now, as if that were an event of its own: whom
        they bring to his limit is closed then, whatever comes after. Returns who was.
        """
        more, limits = self._together.counted_first, self._limits
        for worker, dollars in more.items():
            self._open[worker] = self._open.get(worker, ZERO) + dollars
        if limits is None or limits.stop_loss_on != "total":
            return []
        of_before = takewhile(lambda one: not isinstance(one, TradingDayStarted), decisions)
        told = [one for one in of_before if isinstance(one, LimitReached) and one.rule == _RULE]
        reached = [worker for worker in more if worker != ACCOUNT and self.is_reached(worker, limits)]
        found = []
        for worker in reached:
            if worker in self._closed:
                continue
            first = next((one for one in told if one.worker == worker), None)
            if first is None:
                raise Violation(_CLOSED, f"{at}: {worker} had made {self.made(worker)}: {decisions}")
            self._reached(at, first, decisions, {self.made(worker)})
            found.append(first)
        return found

    def made(self, worker: str) -> Decimal:
        """What the worker made in the trading day."""
        return self._ever(worker) - self._at_roll.get(worker, ZERO)

    def closes_at(self, worker: str, limits: Limits) -> Fraction | None:
        """The P&L of its day at which the worker is closed."""
        most = number_of(limits.worker_daily_loss, worker)
        return None if most is None else Fraction(self._lost_from.get(worker, ZERO)) - most

    def is_reached(self, worker: str, limits: Limits) -> bool:
        """Whether the worker has lost as much as it may."""
        closes_at = self.closes_at(worker, limits)
        return closes_at is not None and Fraction(self.made(worker)) <= closes_at

    def _ever(self, worker: str) -> Decimal:
        return self._realized[worker] + self._open.get(worker, ZERO)

    def _day_begins(self, *, known: bool) -> None:
        """Of the first day all that is open is of that day."""
        self._lost_from = {}
        names = (*self._realized, *self._open)
        self._at_roll = {name: self._ever(name) if known else self._realized[name] for name in names}

    def _attribute(self, event: Event | Malformed | None, state: State) -> None:
        """Whatever was realized is of the worker whose position it was."""
        made, self._net = state.net - self._net, state.net
        if made and isinstance(event, PositionClosed | PositionSettled):
            self._realized[self._whose(event)] += made
        self._open = {}
        for held in state.positions.values():
            self._open[held.worker] = self._open.get(held.worker, ZERO) + held.unrealized

    def _whose(self, event: PositionClosed | PositionSettled) -> str:
        """What the account alone showed may have been closed under the name of who never reported it."""
        own, nobodys = (f"{event.symbol}:{event.side}:{name}" for name in (event.holder, ACCOUNT))
        unreported = isinstance(event, PositionClosed) and event.fill and own not in self._held
        return ACCOUNT if unreported and nobodys in self._held else event.holder

    def _reached(
        self, at: StreamId, one: LimitReached, decisions: list[Decision], made: set[Decimal]
    ) -> None:
        """It says what the worker had `made` at some time; and what is closed by it is all its own."""
        if one.now not in made:
            raise Violation(_CLOSED, f"{at}: {one}, and it has made one of {made}")
        if one.now > one.limit:
            raise Violation(_CLOSED, f"{at}: {one.now} is above {one.limit}")
        of_it = f"worker {one.worker},"
        orders = [each for each in decisions if isinstance(each, FlattenOrdered)]
        if not any(order.cause.startswith(of_it) for order in orders):
            raise Violation(_CLOSED, f"{at}: nothing is ordered closed of {one.worker}")
        for order in orders:
            legs = parse_legs(order.positions)
            if order.cause.startswith(of_it) and any(leg.worker != one.worker for leg in legs):
                raise Violation(_CLOSED, f"{at}: {order.positions} for a loss of {one.worker}")
