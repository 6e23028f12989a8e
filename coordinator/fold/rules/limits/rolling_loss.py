"""The loss of the last trading days together: too much of it, and entries are denied for whole days after.

A loss a minute before the roll denies entries on all of the next days, not for a minute. The days before such
a pause do not count again after it.
"""

from decimal import Decimal

from portfold.coordinator.fold.equity import Money, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier, latch, weekdays_on
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown
from portfold.events.decisions import Decision
from portfold.events.stream_id import StreamId

_CODE = "rolling_loss"


def _pnl(state: State, limits: Limits, money: Money) -> Decimal:
    after = "" if _CODE in state.locks else state.paused_on
    found = money.pnl if state.day.date > after else ZERO
    for day in state.past[max(0, len(state.past) - limits.rolling_days + 1) :]:
        if day.date > after:
            found += day.pnl
    return found


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the days have lost as much as they may."""
    if not limits.rolling_loss or not state.day.date:
        return None
    now = _pnl(state, limits, money)
    if now > -limits.rolling_loss:
        return None
    until = weekdays_on(state, limits.rolling_pause_days + 1)
    reason = (
        f"P&L {shown(now)} of the last {limits.rolling_days} trading days reached the limit "
        f"{shown(-limits.rolling_loss)}: no entries before {until}"
    )
    return Reached("deny", now, -limits.rolling_loss, until, reason)


def watch(state: State, at: StreamId, limits: Limits, money: Money) -> list[Decision]:
    """Latches the limit once it is reached, and remembers when: what was lost up to there counts once."""
    if _CODE in state.locks or _CODE in state.day.lifted:
        return []
    reached = is_reached(state, limits, money)
    if reached is None:
        return []
    state.paused_on = state.day.date
    return latch(state, at, _CODE, reached)


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the P&L of those days against the loss they may make."""
    if not limits.rolling_loss or not state.day.date:
        return None
    now, limit = _pnl(state, limits, reckoned(state)), -limits.rolling_loss
    about = f"P&L of the last {limits.rolling_days} trading days"
    return Reading("dollars", limit, now, max(ZERO, now - limit), limits.rolling_loss, about)


RULE = Rule(
    _CODE,
    denier(_CODE),
    (_CODE, "rolling_days", "rolling_pause_days"),
    watch,
    read,
    is_reached,
    outlasts_resumes=True,
)
