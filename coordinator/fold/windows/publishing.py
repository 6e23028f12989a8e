"""The market's calendar as it is published: sessions, windows of their own dates, and those that limits name.

Nothing is looked up here: what counts was written on the log in full.
"""

from datetime import date, timedelta

from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.calendar import Calendar
from portfold.coordinator.fold.windows.turning import turn
from portfold.events.calendar import SessionsPublished, WindowsPublished, dated_of, sessions_of
from portfold.events.decisions import Decision, EventRejected
from portfold.events.stream_id import StreamId

_KEPT = timedelta(days=10)
"""How long a session that is over is remembered: longer than any window looks back."""


def sessions_published(state: State, at: StreamId, event: SessionsPublished) -> list[Decision]:
    """Takes the sessions in place of those before. The trading day under way stays as it began."""
    if event.last < state.day.date:
        reason = f"SessionsPublished: last: expected a day from {state.day.date} on, got '{event.last}'"
        return [EventRejected(reason=reason, rejected="SessionsPublished")]
    calendar = _calendar(state)
    calendar.first, calendar.last, calendar.source = event.first, event.last, event.source
    calendar.sessions = sessions_of(event.sessions)
    return look_anew(state, at)


def windows_published(state: State, at: StreamId, event: WindowsPublished) -> list[Decision]:
    """Takes the windows in place of those before."""
    _calendar(state).dated = dated_of(event.windows)
    return look_anew(state, at)


def look_anew(state: State, at: StreamId) -> list[Decision]:
    """Opens and closes windows after what they are made of changed; what was before is not caught up with."""
    if state.calendar is None and not (state.limits is not None and state.limits.windows):
        return []
    calendar = _calendar(state)
    calendar.looked_ms = at.ms
    decisions = turn(state, at)
    in_use = state.limits is None or state.limits.windows or calendar.last or calendar.dated or calendar.open
    if not in_use:
        state.calendar = None
    return decisions


def forget_what_is_over(state: State) -> None:
    """Forgets the sessions of days that are long over."""
    calendar = state.calendar
    if calendar is None or not calendar.sessions or not state.day.date:
        return
    kept_from = (date.fromisoformat(state.day.date) - _KEPT).isoformat()
    if calendar.first < kept_from:
        calendar.first = min(kept_from, calendar.last)
        calendar.sessions = tuple(one for one in calendar.sessions if one.date >= kept_from)


def _calendar(state: State) -> Calendar:
    if state.calendar is None:
        state.calendar = Calendar()
    return state.calendar
