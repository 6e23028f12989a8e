"""What if other limits had been in force: the same events folded a second time, and the two compared.

The recorded book is decided again and held against the record. Beside it goes the other book, by the same
fold, with the limits that are asked about in every LimitsChanged; it does not get events that could not have
happened there. The rules, and what they cannot know:

- **Limits.** Each LimitsChanged keeps its own values except the overridden ones, also those that come later.
- **Allowed, then denied.** The trade goes with its entry: the fills of the request, late ones too, and every
  event about those contracts until they are closed. A fill belongs to the last request of its worker,
  symbol and side. What was never asked, or was denied on the log and filled all the same, stays.
- **Denied, then allowed.** The entry holds its slot until its reservation expires, as nobody can know for how
  long it would have been open; shorter, where the log shows that its worker is not in it: it asks again for
  the symbol, withdraws, stops or is lost. Its P&L is unknown and counts as none. A real position would have
  held the slot longer: after one such entry, the other book denies too little rather than too much.
- **A stop that comes.** Entries are denied from there on. What the other book holds is closed at that moment
  at its last mark, before commission; what was never marked goes at an unknown price that counts as none, and
  is counted apart. Entries allowed and not yet filled are taken back: their trades go.
- **A stop that goes.** What the recorded stop closed keeps its recorded outcome; what else would have become
  of it is unknown. Entries that it denied may be allowed.
- **The account.** Its reports are moved by what the two books differ in, positions and dollars: what it has
  beside the recorded book, it has beside the other one. No trade that is gone looks like a difference.
- **Everything else** stays as it is on the log. What workers and operators would have done given other
  answers is not known, and not made up.

With the limits as they are on the log no event is rewritten, so nothing turns: the two books are
equal to the last field. Only open things are remembered, and bounded numbers of others: memory does not grow
with the log.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec import structs

from portfold.coordinator.audit.what_if.baseline import Baseline, Met, first_answer
from portfold.coordinator.audit.what_if.closing_all import ClosingAll, closing_all
from portfold.coordinator.audit.what_if.event_rewriter import EventRewriter
from portfold.coordinator.audit.what_if.excluded_trades import ExcludedTrades
from portfold.coordinator.audit.what_if.findings import (
    DayFigures,
    DayOver,
    FilledAnyway,
    Finding,
    LimitsOverridden,
    StopComes,
    StopGoes,
    Turned,
)
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.limits import limits_of, order_of
from portfold.coordinator.fold.money_state import Day
from portfold.coordinator.fold.state import Position, Reservation, State, daily_pnl, leg_key, leg_of
from portfold.coordinator.store.recorded import Recorded
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    TradingDayStarted,
    first,
)
from portfold.events.incoming import (
    EntryRequested,
    EntryWithdrawn,
    Event,
    Malformed,
    PositionOpened,
    PositionSettled,
    WorkerRetired,
    WorkerStopped,
)
from portfold.events.legs import parse_legs
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId

_ASKERS_REMEMBERED = 1024
_ALLOWED = "allowed"
_BY, _AND = "what-if", "the question"
"""Two who order the limits in question: no loosening waits. As a configuration's, they count nothing anew."""


def what_if(recorded: Iterable[Recorded], overrides: Overrides) -> Iterator[Finding]:
    """Yields every difference, in the order of the log. Raises LogDiffers, and what reading raises."""
    for _, found in what_if_each(recorded, [overrides]):
        yield found


def what_if_each(
    recorded: Iterable[Recorded], questions: Sequence[Overrides]
) -> Iterator[tuple[int, Finding]]:
    """Asks several questions in one reading: yields each finding with the number of its question."""
    baseline = Baseline()
    others = [OtherBook(overrides) for overrides in questions]
    for one in recorded:
        met = baseline.meet(one)
        for number, other in enumerate(others):
            for found in other.hear(met):
                yield number, found
    for number, other in enumerate(others):
        for found in other.end(baseline.state):
            yield number, found


class OtherBook:
    """The portfolio as it would have been; `state` is what the fold makes of the rewritten events.

    It begins with the log, or with a `state` of its own, and then with what was in force there.
    """

    def __init__(self, overrides: Overrides, state: State | None = None) -> None:
        self.state = state or State()
        self.excluded = ExcludedTrades()
        self._overrides = overrides
        self._rewriter = EventRewriter(overrides, self.excluded, self.state)
        self._granted_here: dict[str, str] = {}
        self._asked_before: dict[tuple[str, str], None] = {}
        self._ended_today = self._unknown_today = 0

    def put_in_force(self, begins: Met) -> list[Finding]:
        """Puts the overridden limits in force in a book that begins later than the log.

        What waits for the next trading day on the log waits here too, overridden alike. What the limits make
        due at once, as a stop, is found at the event that it `begins` after.
        """
        limits, waits = self.state.limits, self.state.loosening
        if limits is None:
            return []
        order = structs.replace(self._overrides.on(order_of(limits)), by=_BY, second=_AND, config=_BY)
        decisions = fold(self.state, begins.at, order)
        if waits is not None:
            waiting = limits_of(self._overrides.on(order_of(waits.limits)))
            self.state.loosening = structs.replace(waits, limits=waiting)
        return self._stop(begins, decisions)

    def hear(self, met: Met) -> list[Finding]:
        """Takes the next event, as it was decided; returns what it finds."""
        if not met.at.answerable:
            return []
        self._give_way(met)
        rewritten = self._rewriter.rewritten(met)
        found: list[Finding] = [*self._rewriter.trades, *self._filled_anyway(met, rewritten)]
        decisions = fold(self.state, met.at, rewritten)
        found = [*self._day_over(met.decisions, decisions), *found]
        match met.event:
            case LimitsChanged() as event:
                found += self._limits(met.at, event)
            case EntryRequested() as event:
                found += self._answer(met, event, decisions)
            case EntryWithdrawn() as event:
                self._withdrawn(met, event)
        return [*found, *self._stop(met, decisions)]

    def end(self, recorded: State) -> list[Finding]:
        """Ends with the log: returns what is open then, and the last day so far."""
        found: list[Finding] = [*self.excluded.still_open(recorded)]
        if recorded.day.date:
            figures = _figures(recorded.day, daily_pnl(recorded))
            other = _figures(self.state.day, daily_pnl(self.state), self._ended_today)
            found.append(DayOver(recorded.day.date, figures, other, self._unknown_today, over=False))
        return found

    # --- entries ----------------------------------------------------------------------------------------

    def _give_way(self, met: Met) -> None:
        """Frees the slots that only this book gave to a worker that asks again, stops or was retired."""
        symbol: str | None = None
        match met.event:
            case EntryRequested(worker=worker, symbol=symbol) if not met.repeated:
                pass
            case WorkerRetired(worker=worker) if not met.rejected:
                pass
            case WorkerStopped(worker=worker, session=session) if _is_present(met, worker, session):
                pass
            case _:
                return
        for key in list(self._granted_here):
            reservation = self._reserved_here(key)
            if reservation is None:
                del self._granted_here[key]
            elif reservation.worker == worker and symbol in (None, reservation.symbol):
                del self._granted_here[key], self.state.reservations[key]

    def _reserved_here(self, key: str) -> Reservation | None:
        """Returns what is still reserved on the leg `key` in this book, and was not on the log."""
        reservation = self.state.reservations.get(key)
        if reservation is None or reservation.request != self._granted_here.get(key):
            return None
        return reservation

    def _filled_anyway(self, met: Met, event: Event | Malformed) -> list[Finding]:
        if not isinstance(event, PositionOpened) or met.repeated or met.rejected:
            return []
        key = leg_of(event)
        reservation = self._reserved_here(key)
        if reservation is None or reservation.expires_ms <= met.at.ms:
            return []
        del self._granted_here[key]
        return [FilledAnyway(str(met.at), reservation.request)]

    def _answer(self, met: Met, event: EntryRequested, decisions: list[Decision]) -> list[Finding]:
        recorded, other = first_answer(met.decisions), first_answer(decisions)
        if recorded is None or other is None:
            return []
        at, key = str(met.at), leg_key(event.symbol, event.side, event.worker)
        again = False
        if isinstance(recorded, EntryAllowed):
            self._asked_before.pop((event.worker, event.symbol), None)
            self.excluded.expect_no_more([key])
            if isinstance(other, EntryDenied):
                self.excluded.expect(key, at, event.size, other.code)
        else:
            if key not in met.state.reservations:
                self.excluded.expect_no_more([key])
            if isinstance(other, EntryAllowed):
                again = self._allow_here(at, key, event)
        was, would_be = _said(recorded), _said(other)
        if (was == _ALLOWED) == (would_be == _ALLOWED):
            return []
        day = self.state.day.date
        return [
            Turned(at, day, event.worker, event.symbol, event.side, event.size, was, would_be, again=again)
        ]

    def _allow_here(self, at: str, key: str, event: EntryRequested) -> bool:
        """Remembers what was allowed here alone; returns whether the worker had asked for it before."""
        self._granted_here[key] = at
        asker = (event.worker, event.symbol)
        again = asker in self._asked_before
        self._unknown_today += not again
        if not again and len(self._asked_before) >= _ASKERS_REMEMBERED:
            del self._asked_before[next(iter(self._asked_before))]
        self._asked_before[asker] = None
        return again

    def _withdrawn(self, met: Met, event: EntryWithdrawn) -> None:
        worker = met.state.workers.get(event.worker)
        asked = worker.answers.get(f"{event.session}:{event.request}") if worker is not None else None
        if asked is not None and isinstance(asked[1], EntryDenied):
            return  # by the other thread, which was denied: it gave up nothing
        if not met.repeated and worker is not None and worker.session == event.session:
            self.excluded.expect_no_more(
                leg_key(event.symbol, side, event.worker) for side in ("long", "short")
            )

    # --- stops, days, limits ----------------------------------------------------------------------------

    def _stop(self, met: Met, decisions: list[Decision]) -> list[Finding]:
        recorded, other = closing_all(met.decisions), closing_all(decisions)
        day = self.state.day.date
        if other is not None and recorded is None:
            self._end_everything(met, other)
            return [StopComes(str(met.at), day, other.pnl, other.limit, other.positions, other.rule)]
        if recorded is not None and other is None:
            return [
                StopGoes(str(met.at), day, recorded.pnl, recorded.limit, recorded.positions, recorded.rule)
            ]
        return []

    def _end_everything(self, met: Met, stop: ClosingAll) -> None:
        """Ends what a stop closes that is not on the log: takes back slots, closes what is held."""
        for leg in parse_legs(stop.pending):
            key = leg_key(leg.symbol, leg.side, leg.worker)
            granted = met.state.reservations.get(key)
            if granted is not None:
                self.excluded.expect(key, granted.request, leg.size, stop.rule, str(met.at))
        closed = {leg_key(leg.symbol, leg.side, leg.worker) for leg in parse_legs(stop.positions)}
        for key, held in list(self.state.positions.items()):
            if key not in closed:
                continue
            self.excluded.end(key, held, str(met.at), stop.rule)
            self._ended_today += 1
            self._unknown_today += held.mark is None
            fold(self.state, met.at, _closed_at_mark(held))

    def _day_over(self, recorded: list[Decision], decisions: list[Decision]) -> list[Finding]:
        old, other = first(TradingDayStarted, recorded), first(TradingDayStarted, decisions)
        if old is None or other is None or not old.previous_day:
            return []
        ended = _figures(other, other.daily_pnl, self._ended_today)
        over = DayOver(old.previous_day, _figures(old, old.daily_pnl), ended, self._unknown_today)
        self._ended_today = self._unknown_today = 0
        return [over]

    def _limits(self, at: StreamId, event: LimitsChanged) -> list[Finding]:
        values = self._overrides.values
        recorded = {name: getattr(event, name) for name in values}
        return [LimitsOverridden(str(at), event.zone, recorded, dict(values))] if values else []


def _is_present(met: Met, worker: str, session: str) -> bool:
    known = met.state.workers.get(worker)
    return not met.repeated and known is not None and known.session == session


def _said(answer: EntryAllowed | EntryDenied) -> str:
    return _ALLOWED if isinstance(answer, EntryAllowed) else answer.code


def _closed_at_mark(held: Position) -> PositionSettled:
    """Takes a position out of the book at its last mark; a position never marked, at 0 dollars."""
    return PositionSettled(
        by="what-if",
        reason="a stop that is not on the log",
        symbol=held.symbol,
        worker=held.worker,
        side=held.side,
        size=0,
        price=held.price,
        pnl=held.unrealized,
    )


def _figures(day: TradingDayStarted | Day, pnl: Decimal, ended: int = 0) -> DayFigures:
    """Returns the figures of the day under way, or of the one that the start of the next one ends."""
    return DayFigures(
        asked=day.entries_requested,
        allowed=day.entries_allowed,
        denied=day.entries_blocked,
        trades=day.exits + ended,
        stops=day.stops,
        pnl=pnl,
    )
