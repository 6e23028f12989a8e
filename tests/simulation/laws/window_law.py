"""What must hold of windows: each is open exactly while it is, and a flatten that nobody saw is ordered late.

When they are is reckoned a second time. One that flattens orders closed as it opens all that is open in it,
stays open until that is flat, and whatever fills in it is closed too; what is outside of it goes on.
"""

from collections.abc import Collection
from typing import NamedTuple, TypeGuard

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
from tests.simulation.laws.to_be_flat import catches_all, symbols_closed_by
from tests.simulation.scheduler import Violation

_OPEN = "a window is open while it is"
_LATE = "a window that nobody saw open is opened with the next event, and said to be late"
_CLOSES = "a window that flattens orders closed what is open in it, and no more"


class _Turned(NamedTuple):
    """What opened, with how late it was, and what closed."""

    opened: list[tuple[str, int]]
    closed: set[str]


class _Unconfirmed(NamedTuple):
    """What an account has to say of yet that it is flat."""

    everything: bool
    symbols: frozenset[str]


_NOTHING = _Unconfirmed(everything=False, symbols=frozenset())


class WindowLaw:
    """Follows which windows are open."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._open: dict[str, Reckoned] = {}
        self._published = Published()
        self._looked_ms = 0
        self._limits: Limits | None = None
        self._today = ""
        self._unconfirmed = _NOTHING
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
                self._fill_is_closed(at, event, decisions, state)
        self._held, self._reserved = set(self._book.held), set(self._book.reserved)
        left = state.flatten if state.account is not None else None
        self._unconfirmed = _Unconfirmed(left.everything, frozenset(left.symbols)) if left else _NOTHING

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
        near = reckoned(limits, self._published, ms)
        on = {one.name for one in near if one.is_on(ms)}
        over = [one for name, one in self._open.items() if name not in on]
        closed = {one.name for one in over if one.action != "flatten" or self._is_flat(one.symbols)}
        self._open = {name: one for name, one in self._open.items() if name not in closed}
        opened = []
        for one in near:
            missed = looked < one.begins_ms and one.ends_ms <= ms and one.action == "flatten"
            due = one.is_on(ms) or (missed and self._is_something_open(decisions, one.symbols))
            if due and one.name not in self._open:
                self._open[one.name] = one
                opened.append((one.name, ms - one.begins_ms if one.begins_ms > looked else 0))
                if one.action == "flatten" and limits.account:  # until the account has said so
                    everything = self._unconfirmed.everything or not one.symbols
                    self._unconfirmed = _Unconfirmed(everything, self._unconfirmed.symbols | {*one.symbols})
        return _Turned(opened, closed)

    def _is_flat(self, symbols: Collection[str]) -> bool:
        """Whether nothing is open in the symbols, or at all where none are named, as an account agrees."""
        waits = self._unconfirmed
        if not symbols:
            return not self._held and waits == _NOTHING
        return not (_in(self._held, symbols) or waits.everything or waits.symbols & {*symbols})

    def _is_something_open(self, decisions: list[Decision], symbols: Collection[str]) -> bool:
        """Whether anything is in it, once the slots are free whose time was over by then."""
        over = {
            f"{one.symbol}:{one.side}:{one.worker}"
            for one in decisions
            if isinstance(one, EntryExpired) and one.reason in ON_TIME
        }
        return bool(_in(self._held | (self._reserved - over), symbols))

    def _are_said(self, at: StreamId, steps: list[_Turned], decisions: list[Decision]) -> None:
        expected = [one for step in steps for one in step.opened]
        said = [(one.window, one.late_ms) for one in decisions if isinstance(one, WindowOpened)]
        if said != expected:
            raise Violation(_LATE, f"{at}: {said}, not {expected}")
        closed = sorted(name for step in steps for name in step.closed)
        told = sorted(one.window for one in decisions if isinstance(one, WindowClosed))
        if closed != told:
            raise Violation("a window closes once it is over, and all is flat", f"{at}: {told}, not {closed}")
        flat = [one for one in decisions if isinstance(one, WindowOpened) and one.action == "flatten"]
        of_windows = [one for one in decisions if _is_of_a_window(one)]
        if any(not one.symbols for one in flat):
            if not any(one.everything for one in of_windows):
                raise Violation(_CLOSES, f"{at}: {said}")
            return
        symbols = symbols_closed_by(decisions)
        legs = [leg for one in of_windows for leg in parse_legs(one.positions)]
        named = {f"{leg.symbol}:{leg.side}:{leg.worker}" for leg in legs}
        within = _in(self._held, symbols) if symbols else set()
        if not within <= named or named != _in(named, symbols) or any(one.everything for one in of_windows):
            raise Violation(_CLOSES, f"{at}: {named} for {sorted(symbols)}, in which is {within}")

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

    def _fill_is_closed(
        self, at: StreamId, event: PositionOpened, decisions: list[Decision], state: State
    ) -> None:
        windows = [one for one in self._open.values() if one.action == "flatten"]
        flat = [one.name for one in windows if not one.symbols or event.symbol in one.symbols]
        orders = [one for one in decisions if isinstance(one, FlattenOrdered)]
        named = {(leg.symbol, leg.worker) for one in orders for leg in parse_legs(one.positions)}
        if flat and (event.symbol, event.worker) not in named:
            raise Violation("what fills in a window that flattens is closed", f"{at}: {event}, {flat}")
        others = flat or state.scopes or catches_all(state)
        if windows and not others and (event.symbol, event.worker) in named:
            raise Violation("what fills beside a window goes on", f"{at}: {event}, {windows}")


def _in(legs: set[str], symbols: Collection[str]) -> set[str]:
    """The legs in the symbols; all where none are named."""
    return {leg for leg in legs if not symbols or leg.split(":")[0] in symbols}


def _is_of_a_window(one: Decision) -> TypeGuard[FlattenOrdered]:
    return isinstance(one, FlattenOrdered) and one.cause.startswith("window ")
