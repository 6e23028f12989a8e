"""What opens and closes windows: called with each event that may be past the edge of one.

Guarantees: a window that is open at an event is open before the event is folded, so the boundary is exact to
the millisecond. A flatten whose window nobody saw, because nothing was on the log meanwhile, is ordered at
the next event, said late. A window that flattens closes only once the book is flat, in its symbols where it
is of some: what is outside of them it leaves alone.
"""

from collections.abc import Collection, Iterable, Sequence

from portfold.coordinator.fold.closing import flatten, scoped
from portfold.coordinator.fold.closing.pending import cancel_pending
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.calendar import Calendar, NextWindow, OpenWindow
from portfold.coordinator.fold.windows.occurrences import Occurrence, occurrences
from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.decisions import Decision
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId

_WEEK_MS = 7 * 24 * 60 * 60 * 1000
# An event has room for a hundred decisions. What is not said is in force all the same.
_SAID_AT_ONCE = 24


def turn(state: State, at: StreamId) -> list[Decision]:
    """Closes the windows that are over and opens those that have begun, up to and including `at`."""
    calendar, limits = state.calendar, state.limits
    if calendar is None or limits is None or state.again:
        return []
    found = occurrences(limits, calendar, at.ms)
    decisions = [*_close(state, calendar, found, at), *_open(state, calendar, found, at)]
    calendar.looked_ms = at.ms
    calendar.turns_ms = _next_edge(found, at.ms)
    ahead = next((one for one in found if one.begins_ms > at.ms), None)
    calendar.ahead = NextWindow(ahead.window, ahead.begins_ms) if ahead is not None else None
    return decisions


def next_turn(state: State, calendar: Calendar) -> int:
    """Returns the earliest millisecond at which a window opens or closes."""
    ends = (one.until_ms for one in calendar.open.values() if not _waits(state, one))
    return min([calendar.turns_ms, *ends])


def turn_if_due(state: State, calendar: Calendar, at: StreamId) -> list[Decision]:
    """Does so where an edge has passed, or the book has become flat for which one that is over waited."""
    return turn(state, at) if at.ms >= next_turn(state, calendar) else []


def _close(state: State, calendar: Calendar, found: Iterable[Occurrence], at: StreamId) -> list[Decision]:
    ends = {one.window: one.ends_ms for one in found if one.begins_ms <= at.ms < one.ends_ms}
    decisions: list[Decision] = []
    for name, one in list(calendar.open.items()):
        one.until_ms = ends.get(name, min(one.until_ms, at.ms))  # none any more where limits changed
        if name not in ends and not _waits(state, one):
            del calendar.open[name]
            decisions.append(WindowClosed(name))
    return decisions[:_SAID_AT_ONCE]


def _waits(state: State, one: OpenWindow) -> bool:
    """Returns whether it is to be flat in it and is not yet."""
    return one.action == "flatten" and not flatten.is_flat(state, one.symbols)


def _open(state: State, calendar: Calendar, found: Iterable[Occurrence], at: StreamId) -> list[Decision]:
    decisions: list[Decision] = []
    closing: list[Occurrence] = []
    for one in found:
        if one.window in calendar.open or not _is_due(state, calendar, one, at.ms):
            continue
        calendar.open[one.window] = OpenWindow(one.window, one.action, one.symbols, at.ms, one.ends_ms)
        late_ms = at.ms - one.begins_ms if one.begins_ms > calendar.looked_ms else 0
        symbols = " ".join(one.symbols)
        decisions.append(WindowOpened(one.window, one.action, one.ends_ms, late_ms, symbols))
        if one.action == "flatten":
            closing.append(one)
    return [*decisions[:_SAID_AT_ONCE], *(_close_what_is_open(state, at, closing) if closing else [])]


def _is_due(state: State, calendar: Calendar, one: Occurrence, ms: int) -> bool:
    """Returns whether it is open now, or was a flatten that nobody saw while something is open."""
    if one.begins_ms <= ms < one.ends_ms:
        return True
    missed = one.action == "flatten" and calendar.looked_ms < one.begins_ms and one.ends_ms <= ms
    return missed and _is_something_open(state, one.symbols)


def _is_something_open(state: State, symbols: Collection[str]) -> bool:
    held = (one.symbol for one in state.positions.values())
    reserved = (one.symbol for one in state.reservations.values())
    return any(not symbols or symbol in symbols for symbol in (*held, *reserved))


def _close_what_is_open(state: State, at: StreamId, windows: Sequence[Occurrence]) -> list[Decision]:
    """Orders closed what is open in the windows, by one order: everything where one of them is of all."""
    of_all = next((one for one in windows if not one.symbols), None)
    if of_all is not None:
        return _close_everything(state, at, of_all.window)
    symbols = sorted({symbol for one in windows for symbol in one.symbols})
    scopes = [Scope("symbol", symbol) for symbol in symbols]
    return scoped.order_flat(state, at, f"window {windows[0].window}", scopes)


def _close_everything(state: State, at: StreamId, window: str) -> list[Decision]:
    pending = cancel_pending(state, at)
    taken = take_unowned(state, at)
    return [*taken, *flatten.order_everything(state, at, f"window {window}", pending)]


def _next_edge(found: Iterable[Occurrence], ms: int) -> int:
    """Returns the next moment at which a window begins or ends; in a week where none is nearer."""
    edges = (edge for one in found for edge in (one.begins_ms, one.ends_ms) if edge > ms)
    return min(edges, default=ms + _WEEK_MS)
