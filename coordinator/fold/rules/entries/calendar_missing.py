"""A window that is told by the day's session, and no such session known: unknown is not "no"."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested
from portfold.weekly_windows import windows_of


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects on every trading day of which nothing is published, while a window needs to know."""
    calendar = state.calendar
    if calendar is None or (calendar.first <= state.day.date <= calendar.last):
        return None
    for window in windows_of(limits.windows):
        if window.needs_sessions:
            reason = f"Window {window.text} needs the session of {state.day.date}, which is not published"
            return Denial("calendar_missing", f"{reason}: portfold calendar publish")
    return None


RULE = Rule("calendar_missing", may_enter, ("windows",))
