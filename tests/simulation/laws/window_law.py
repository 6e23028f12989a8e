"""What must hold of windows: each is open exactly while it is, and a flatten that nobody saw is ordered late.

When they are is reckoned a second time. One that flattens orders everything closed as it opens, stays open
until all is flat, and whatever fills in it is closed too.
"""

from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.events.calendar import SessionsPublished, WindowClosed, WindowOpened, WindowsPublished
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    FlattenOrdered,
    LooseningEnded,
    TradingDayStarted,
)
from portfold.events.incoming import Event, Malformed, PositionOpened
from portfold.events.legs import parse_legs
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from tests.simulation.laws.book import ON_TIME, Book
from tests.simulation.laws.calendar_reckoned import Published, Reckoned, needs_sessions, reckoned
from tests.simulation.scheduler import Violation

_OPEN = "a window is open while it is"
_LATE = "a window that nobody saw open is opened with the next event, and said to be late"


class _Turned(NamedTuple):
    """What opened, with how late it was, and what closed."""

    opened: list[tuple[str, int]]
    closed: set[str]


class WindowLaw:
    """Follows which windows are open."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._open: dict[str, Reckoned] = {}
        self._published = Published()
        self._looked_ms = 0
        self._limits: Limits | None = None
        self._today = ""
        self._flat = True
        self._held: set[str] = set()
        self._reserved: set[str] = set()

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        for one in decisions:
            if isinstance(one, TradingDayStarted):
                self._today = one.day
        if self._limits is not None or state.limits is not None:
            self._turn(at, event, decisions, state)
        self._publish(event)
        self._limits, self._looked_ms = state.limits, at.ms
        if state.limits is not None:
            for one in decisions:
                if isinstance(one, EntryAllowed | EntryDenied) and not one.repeats:
                    self._answered(at, one, state.limits)
            if isinstance(event, PositionOpened):
                self._fill_is_closed(at, event, decisions)
        self._held, self._reserved = set(self._book.held), set(self._book.reserved)
        self._flat = not state.positions and (state.account is None or state.flatten is None)

    def _publish(self, event: Event | Malformed | None) -> None:
        match event:
            case SessionsPublished():
                before = self._published
                self._published = Published(event.first, event.last, event.sessions, before.windows)
            case WindowsPublished():
                self._published = self._published._replace(windows=event.windows)

    # --- opening and closing -------------------------------------------------------------------------------

    def _turn(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Time passes under what was in force before; then what the event changes is looked at anew."""
        loosened = any(isinstance(one, LooseningEnded) and one.counts for one in decisions)
        changes = isinstance(event, LimitsChanged | SessionsPublished | WindowsPublished)
        if loosened and isinstance(event, LimitsChanged):  # what counted in between is not on the log
            known = state.calendar.open if state.calendar is not None else {}
            self._open = {
                name: Reckoned(one.since_ms, name, one.until_ms, one.action, one.symbols)
                for name, one in known.items()
            }
            return
        before = state.limits if loosened else self._limits
        steps = []
        if before is not None:
            steps.append(self._step(at.ms, before, decisions, looked_ms=at.ms if loosened else None))
        if changes and state.limits is not None:
            self._publish(event)
            steps.append(self._step(at.ms, state.limits, decisions, looked_ms=at.ms))
        self._are_said(at, steps, decisions)
        open_now = set(state.calendar.open) if state.calendar is not None else set()
        if open_now != set(self._open):
            raise Violation(_OPEN, f"{at}: {sorted(open_now)}, not {sorted(self._open)}")

    def _step(self, ms: int, limits: Limits, decisions: list[Decision], *, looked_ms: int | None) -> _Turned:
        """Closes what is over, and opens what has begun since it was looked, up to the moment."""
        looked = self._looked_ms if looked_ms is None else looked_ms
        near = reckoned(limits.windows, limits.flatten_ms, limits.zone, self._published, ms)
        on = {one.name for one in near if one.is_on(ms)}
        over = [one for name, one in self._open.items() if name not in on]
        closed = {one.name for one in over if one.action != "flatten" or self._flat}
        self._open = {name: one for name, one in self._open.items() if name not in closed}
        opened = []
        for one in near:
            missed = looked < one.begins_ms and one.ends_ms <= ms and one.action == "flatten"
            due = one.is_on(ms) or (missed and self._is_something_open(decisions))
            if due and one.name not in self._open:
                self._open[one.name] = one
                opened.append((one.name, ms - one.begins_ms if one.begins_ms > looked else 0))
                if one.action == "flatten" and limits.account:
                    self._flat = False  # until the account has said so
        return _Turned(opened, closed)

    def _is_something_open(self, decisions: list[Decision]) -> bool:
        """Whether anything is, once the slots are free whose time was over by then."""
        over = {
            f"{one.symbol}:{one.side}:{one.worker}"
            for one in decisions
            if isinstance(one, EntryExpired) and one.reason in ON_TIME
        }
        return bool(self._held or self._reserved - over)

    def _are_said(self, at: StreamId, steps: list[_Turned], decisions: list[Decision]) -> None:
        expected = [one for step in steps for one in step.opened]
        said = [(one.window, one.late_ms) for one in decisions if isinstance(one, WindowOpened)]
        if said != expected:
            raise Violation(_LATE, f"{at}: {said}, not {expected}")
        closed = sorted(name for step in steps for name in step.closed)
        told = sorted(one.window for one in decisions if isinstance(one, WindowClosed))
        if closed != told:
            raise Violation("a window closes once it is over, and all is flat", f"{at}: {told}, not {closed}")
        flattens = any(isinstance(one, WindowOpened) and one.action == "flatten" for one in decisions)
        everything = any(isinstance(one, FlattenOrdered) and one.everything for one in decisions)
        if flattens and not everything:
            raise Violation("a window that flattens orders everything closed", f"{at}: {said}")

    # --- what follows --------------------------------------------------------------------------------------

    def _answered(self, at: StreamId, one: EntryAllowed | EntryDenied, limits: Limits) -> None:
        covering = [
            each.name for each in self._open.values() if not each.symbols or one.symbol in each.symbols
        ]
        unknown = needs_sessions(limits.windows) and not self._published.knows(self._today)
        if isinstance(one, EntryAllowed) and (covering or unknown):
            raise Violation("no entry while a window denies it", f"{at}: {one}, {covering}")
        if isinstance(one, EntryDenied) and one.code == "window" and not covering:
            raise Violation("nobody is denied by a window that is not open", f"{at}: {one}")
        if isinstance(one, EntryDenied) and one.code == "calendar_missing" and (covering or not unknown):
            raise Violation("what is published is known", f"{at}: {one}")

    def _fill_is_closed(self, at: StreamId, event: PositionOpened, decisions: list[Decision]) -> None:
        flat = [one.name for one in self._open.values() if one.action == "flatten"]
        orders = [one for one in decisions if isinstance(one, FlattenOrdered)]
        named = {(leg.symbol, leg.worker) for one in orders for leg in parse_legs(one.positions)}
        if flat and (event.symbol, event.worker) not in named:
            raise Violation("what fills in a window that flattens is closed", f"{at}: {event}, {flat}")
