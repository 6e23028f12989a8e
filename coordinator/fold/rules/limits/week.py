"""The week's loss and profit: the trading days from Monday to now, together.

Either latches until the first trading day of the next week, whatever a resume forces in between.
"""

from decimal import Decimal

from portfold.coordinator.fold.equity import Money, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier, monday
from portfold.coordinator.fold.rules.limits.counted_profit import profit_action
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown

_LOSS, _PROFIT = "weekly_loss", "weekly_profit"


def _pnl(state: State, money: Money) -> Decimal:
    return _before(state) + money.pnl


def _before(state: State) -> Decimal:
    known = state.day.week_before
    return made_before(state) if known is None else known


def made_before(state: State) -> Decimal:
    """Returns what the days of the week before this one came to, in dollars."""
    began, found = monday(state), ZERO
    for day in reversed(state.past):
        if day.date < began:
            break
        found += day.pnl
    return found


def closes_at(state: State, limits: Limits) -> Decimal | None:
    """Returns the day's P&L at which the week's loss is reached."""
    if not limits.weekly_loss or not state.day.date:
        return None
    return -limits.weekly_loss - _before(state)


def loss_is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the week has lost as much as it may."""
    if not limits.weekly_loss or not state.day.date:
        return None
    now = _pnl(state, money)
    if now > -limits.weekly_loss:
        return None
    week = f"the week from {monday(state)}"
    reason = f"P&L {shown(now)} of {week} reached the limit {shown(-limits.weekly_loss)}"
    return Reached("flatten", now, -limits.weekly_loss, monday(state, weeks_on=1), reason)


def profit_is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the week has made what it was to make."""
    if not limits.weekly_profit or not state.day.date:
        return None
    now = _pnl(state, money)
    if now < limits.weekly_profit:
        return None
    week = f"the week from {monday(state)}"
    reason = f"P&L {shown(now)} of {week} reached the target {shown(limits.weekly_profit)}"
    return Reached(profit_action(limits), now, limits.weekly_profit, monday(state, weeks_on=1), reason)


def read_loss(state: State, limits: Limits) -> Reading | None:
    """Returns the week's P&L against the loss it may make."""
    if not limits.weekly_loss or not state.day.date:
        return None
    now, limit = _pnl(state, reckoned(state)), -limits.weekly_loss
    about = f"P&L of the trading days from {monday(state)}"
    return Reading("dollars", limit, now, max(ZERO, now - limit), limits.weekly_loss, about)


def read_profit(state: State, limits: Limits) -> Reading | None:
    """Returns the week's P&L against its target."""
    if not limits.weekly_profit or not state.day.date:
        return None
    now, target = _pnl(state, reckoned(state)), limits.weekly_profit
    about = f"P&L of the trading days from {monday(state)}"
    return Reading("dollars", target, now, max(ZERO, target - now), target, about)


LOSS = Rule(
    _LOSS,
    denier(_LOSS),
    (_LOSS,),
    read=read_loss,
    is_reached=loss_is_reached,
    outlasts_resumes=True,
)
PROFIT = Rule(
    _PROFIT,
    denier(_PROFIT),
    (_PROFIT,),
    read=read_profit,
    is_reached=profit_is_reached,
    outlasts_resumes=True,
)
