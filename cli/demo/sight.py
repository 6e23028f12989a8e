"""Folds the events as the coordinator does, and keeps what the demo's screen shows.

Guarantees: everything shown follows from the events alone, but for the timing of stops. Simulated time stands
still during a stop, so it is timed in real milliseconds, from reading the report that broke the limit to
reading each close: the coordinator's decision, its way to the worker and the worker's order are included.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal

from portfold.coordinator.fold.money_state import Day
from portfold.coordinator.fold.state import daily_pnl, leg_key, leg_of
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.views.narration import Line, narrate
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.coordinator.views.words.message_words import is_everyday
from portfold.dollars import shown
from portfold.events.decisions import (
    Decision,
    EntryDenied,
    PortfolioFlat,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import ClockTicked, PositionClosed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry

_LINES_KEPT = 50
_NOTES_KEPT = 10_000


@dataclass
class SeenStop:
    """One stop: the event that led to it, and the legs that had to be closed.

    `seen` and the times in `closed`, by leg, are seconds of this machine's monotonic clock.
    """

    event: StreamId
    daily_pnl: Decimal
    legs: tuple[str, ...]
    seen: float
    closed: dict[str, float] = field(default_factory=dict)

    @property
    def took_ms(self) -> tuple[tuple[str, float | None], ...]:
        """Returns each leg's symbol and the real milliseconds until it was closed; None while it is open."""
        return tuple(
            (leg.partition(":")[0], (self.closed[leg] - self.seen) * 1000 if leg in self.closed else None)
            for leg in self.legs
        )


@dataclass(frozen=True)
class SeenLine:
    """A line about an event or the end of a day, at `at_ms`."""

    at_ms: int
    line: Line


@dataclass(frozen=True)
class View:
    """Everything that a screen shows, at one moment of the log: the portfolio, and what is counted here."""

    now_ms: int
    portfolio: PortfolioView
    days: int
    denied: tuple[tuple[str, int], ...]
    stops: tuple[SeenStop, ...]
    lines: tuple[SeenLine, ...]


class Sight:
    """Takes the entries of the events stream, in order, and returns what is to be shown."""

    def __init__(self) -> None:
        self._follower = Follower()
        self._days = self._most_open = 0
        self._denied: Counter[str] = Counter()
        self._stops: list[SeenStop] = []
        self._lines: deque[SeenLine] = deque(maxlen=_LINES_KEPT)
        self._notes: deque[SeenLine] = deque(maxlen=_NOTES_KEPT)

    @property
    def cursor(self) -> StreamId:
        """Returns the last event seen."""
        return self._follower.cursor

    # --- seeing -------------------------------------------------------------------------------------------

    def see_event(self, entry: Entry, now: float) -> None:
        """Takes the next entry, read at `now`."""
        day = self._follower.state.day
        decided = self._follower.advance(entry.id, entry.fields)
        if isinstance(decided.event, PositionClosed):
            self._see_closed(entry.id, decided.event, now)
        for decision in decided.decisions:
            if isinstance(decision, EntryDenied):
                self._denied[decision.code] += 1
            elif isinstance(decision, TradingDayStarted):
                self._begin_day(day, decision)
            elif isinstance(decision, StopLossTriggered):
                self._begin_stop(entry.id, decision, now)
        self._most_open = max(self._most_open, len(self._follower.state.positions))
        self._add_lines(decided)

    def _see_closed(self, at: StreamId, event: PositionClosed, now: float) -> None:
        stop = self._stops[-1] if self._stops else None
        leg = leg_of(event)
        if stop is None or leg not in stop.legs or leg in stop.closed:
            return
        stop.closed[leg] = now
        if len(stop.closed) == len(stop.legs):
            took = ", ".join(f"{symbol} {took_ms:.1f} ms" for symbol, took_ms in stop.took_ms)
            self._note(at.ms, Line("critical", f"Flat in real time: {took}"))

    def _begin_stop(self, at: StreamId, triggered: StopLossTriggered, now: float) -> None:
        legs = tuple(leg_key(leg.symbol, leg.side, leg.worker) for leg in parse_legs(triggered.positions))
        self._stops.append(SeenStop(at, triggered.daily_pnl, legs, now))

    def _begin_day(self, over: Day, started: TradingDayStarted) -> None:
        if started.previous_day:
            self._note(over.ends_ms, self._day_line(over, started.daily_pnl))
        self._days += 1
        self._most_open = 0

    def end(self) -> None:
        """Notes the line of the unfinished day, at the end of the demo."""
        state = self._follower.state
        if state.day.date:
            self._note(self._follower.cursor.ms, self._day_line(state.day, daily_pnl(state)))

    def _day_line(self, day: Day, pnl: Decimal) -> Line:
        stopped = " | STOPPED OUT" if day.stops else ""
        return Line(
            "info",
            f"{day.date} | P&L {shown(pnl):>11} | asked {day.entries_requested:3} "
            f"allowed {day.entries_allowed:3} denied {day.entries_blocked:3} | "
            f"exits {day.exits:3} | most open {self._most_open}{stopped}",
        )

    def _add_lines(self, decided: Decided) -> None:
        # A flatten takes no simulated time; `_see_closed` notes its real time instead.
        decisions: list[Decision] = [one for one in decided.decisions if not isinstance(one, PortfolioFlat)]
        for line in narrate(self._follower.state, decided._replace(decisions=decisions)):
            if not isinstance(decided.event, ClockTicked) or not is_everyday(line.level):
                self._lines.append(SeenLine(decided.at.ms, line))
            if not is_everyday(line.level):
                self._notes.append(SeenLine(decided.at.ms, line))

    def _note(self, at_ms: int, line: Line) -> None:
        self._lines.append(SeenLine(at_ms, line))
        self._notes.append(SeenLine(at_ms, line))

    # --- showing ------------------------------------------------------------------------------------------

    def take_notes(self) -> list[SeenLine]:
        """Returns the lines noted since the last call, for a demo without a screen."""
        notes = list(self._notes)
        self._notes.clear()
        return notes

    def view(self) -> View:
        """Returns what a screen shows now."""
        follower = self._follower
        return View(
            now_ms=follower.cursor.ms if follower.cursor != ORIGIN else 0,
            portfolio=portfolio_view(follower.state, follower.cursor),
            days=self._days,
            denied=tuple(self._denied.most_common()),
            stops=tuple(self._stops),
            lines=tuple(self._lines),
        )
