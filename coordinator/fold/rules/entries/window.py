"""While a window is open that covers the symbol nobody enters it."""

from zoneinfo import ZoneInfo

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested
from portfold.exchange_time import clock


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until the window is over; where it flattens, until nothing is open either."""
    if state.calendar is None:
        return None
    for one in state.calendar.open.values():
        if one.symbols and request.symbol not in one.symbols:
            continue
        until = clock(one.until_ms, ZoneInfo(limits.zone))
        and_flat = ", and until all is confirmed closed" if one.action == "flatten" else ""
        return Denial("window", f"Window {one.window} is open until {until} {limits.zone}{and_flat}")
    return None


RULE = Rule("window", may_enter, ("windows",))
