"""While a window is open that covers the symbol nobody enters it; nor where none can say whether one is.

A window that is told by the day's session needs that session: unknown is not "no".
"""

from zoneinfo import ZoneInfo

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested
from portfold.exchange_time import clock
from portfold.weekly_windows import windows_of


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until the window is over; where it flattens, until nothing is open in it either."""
    if state.calendar is None:
        return None
    for one in state.calendar.open.values():
        if one.symbols and request.symbol not in one.symbols:
            continue
        until = clock(one.until_ms, ZoneInfo(limits.zone))
        closed = "what it closes" if one.symbols else "all"
        and_flat = f", and until {closed} is confirmed closed" if one.action == "flatten" else ""
        return Denial("window", f"Window {one.window} is open until {until} {limits.zone}{and_flat}")
    return None


def is_known(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects on every trading day of which nothing is published, while a window needs to know."""
    calendar = state.calendar
    if calendar is None or (calendar.first <= state.day.date <= calendar.last):
        return None
    for window in windows_of(limits.windows):
        if window.needs_sessions:
            reason = f"Window {window.text} needs the session of {state.day.date}, which is not published"
            return Denial("calendar_missing", f"{reason}: portfold calendar publish")
    return None


RULE = Rule("window", may_enter, ("windows",))
CALENDAR = Rule("calendar_missing", is_known, ("windows",))
