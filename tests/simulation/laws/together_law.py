"""What must hold of marks of one moment: each waits for the others, and then all of them count at once.

Reckoned a second time from the log: what is reported of each leg, at which moment of the market, and since
when it waits. Of the fold's book only what a leg was paid, how much of it there is, and what it makes, which
is what is judged. Where marks that jump are doubted as well it has nothing to say, and goes on from the book.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import Position, State
from portfold.dollars import CENT, ZERO, gross_pnl
from portfold.events.decisions import Decision, TradingDayStarted
from portfold.events.incoming import Event, Malformed, PositionMarked
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from tests.simulation.scheduler import Violation

_TOGETHER = "marks of one moment count together, and none waits for longer than it may"


class _Waits(NamedTuple):
    """A mark that does not count yet: what the leg makes by it, the market's moment, since when it waits."""

    worth: Decimal
    moment_ms: int
    since_ms: int


class _Leg(NamedTuple):
    """`makes` is what counts of it, by a mark of `moment_ms`; `waits` what is to count with others."""

    opened: str
    size: int
    marked_ms: int
    makes: Decimal = ZERO
    moment_ms: int = 0
    waits: _Waits | None = None

    @property
    def known_at_ms(self) -> int:
        """The market's moment of its latest mark."""
        return self.moment_ms if self.waits is None else self.waits.moment_ms

    def counted(self) -> "_Leg":
        """The leg once what waits counts."""
        if self.waits is None:
            return self
        return self._replace(makes=self.waits.worth, moment_ms=self.waits.moment_ms, waits=None)

    def resized(self, size: int) -> "_Leg":
        """The leg with other contracts: what is gone takes its share with it, to the cent."""
        waits, gone = self.waits, max(0, self.size - size)
        if waits is not None:
            waits = waits._replace(worth=waits.worth - self._share(waits.worth, gone))
        return self._replace(size=size, makes=self.makes - self._share(self.makes, gone), waits=waits)

    def _share(self, amount: Decimal, gone: int) -> Decimal:
        return amount if gone == self.size else (amount * gone / self.size).quantize(CENT)


class TogetherLaw:
    """Follows what each leg makes. By the latest event `waited` says that marks waited before it, and
    `counted_first` how many dollars of them counted before it for each worker, as they had waited, or as the
    day was over.
    """

    def __init__(self) -> None:
        self.waited = False
        self.counted_first: Mapping[str, Decimal] = {}
        self._legs: dict[str, _Leg] = {}
        self._seconds, self._doubts = 0, False

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        limits = state.limits
        if limits is None:
            return
        day_is_over = any(isinstance(one, TradingDayStarted) and one.previous_day for one in decisions)
        self.waited, self.counted_first = any(leg.waits for leg in self._legs.values()), {}
        if day_is_over or (self._seconds and self._have_waited(at, self._seconds)):
            before = self._legs
            self._all_count()
            self.counted_first = _more_by_worker(before, self._legs)
        self._seconds = limits.marks_together_seconds
        doubted, self._doubts = self._doubts, bool(limits.mark_jumps)
        if doubted or self._doubts:  # as that ends, what was doubted counts
            self._legs = {key: _of_the_book(held) for key, held in state.positions.items()}
            return
        if isinstance(event, LimitsChanged) and self._have_waited(at, self._seconds):
            self._all_count()
        elif isinstance(event, PositionMarked):
            self._marked(at, event, state, limits)
        self._same_as(at, state)

    def _have_waited(self, at: StreamId, seconds: int) -> bool:
        return any(
            leg.waits is not None and at.ms >= leg.waits.since_ms + seconds * 1000
            for leg in self._legs.values()
        )

    def _all_count(self) -> None:
        self._legs = {key: leg.counted() for key, leg in self._legs.items()}

    def _marked(self, at: StreamId, event: PositionMarked, state: State, limits: Limits) -> None:
        key = f"{event.symbol}:{event.side}:{event.holder}"
        leg, held = self._legs[key], state.positions[key]
        value = limits.point_values[event.symbol]
        worth = min(event.unrealized, gross_pnl(held.side, held.price, event.price, held.size, value))
        since_ms = at.ms if leg.waits is None else leg.waits.since_ms
        leg = leg._replace(marked_ms=at.ms, waits=_Waits(worth, event.moment_ms, since_ms))
        if not (limits.marks_together_seconds and event.moment_ms):
            self._legs[key] = leg.counted()
            return
        self._legs[key] = leg
        stale_from_ms = at.ms - limits.mark_stale_ms
        others = (one for one in self._legs.values() if one.marked_ms > stale_from_ms)
        if all(one.known_at_ms >= event.moment_ms for one in others):
            self._all_count()

    def _same_as(self, at: StreamId, state: State) -> None:
        """The book says the same of each leg; one that is new there begins here with its fill."""
        legs, self._legs = self._legs, {}
        for key, held in state.positions.items():
            leg = legs.get(key)
            if leg is None or leg.opened != held.opened:
                leg = _of_the_book(held)
            if leg.size != held.size:
                leg = leg.resized(held.size)
            if held.unrealized != leg.makes:
                raise Violation(_TOGETHER, f"{at}: {key} makes {held.unrealized}, not {leg.makes}: {legs}")
            self._legs[key] = leg


def _more_by_worker(before: Mapping[str, _Leg], after: Mapping[str, _Leg]) -> Mapping[str, Decimal]:
    """How much more each worker makes."""
    more: defaultdict[str, Decimal] = defaultdict(Decimal)
    for key, leg in after.items():
        *_, worker = key.split(":")
        more[worker] += leg.makes - before[key].makes
    return {worker: dollars for worker, dollars in more.items() if dollars}


def _of_the_book(held: Position) -> _Leg:
    apart = held.apart
    waits = None if apart is None else _Waits(apart.unrealized, apart.moment_ms, apart.since_ms)
    return _Leg(held.opened, held.size, held.marked_ms, held.unrealized, held.moment_ms, waits)
