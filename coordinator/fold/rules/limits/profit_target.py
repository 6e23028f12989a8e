"""The day's profit target: reached, it flattens and denies entries for the day, or denies them only.

After a forced resume it counts anew from what the day really came to.
"""

from portfold.coordinator.fold.equity import Money, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier, tomorrow
from portfold.coordinator.fold.rules.limits.counted_profit import counted_from, counted_profit, profit_action
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown

_CODE = "profit_target"


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the day's profit has come to the target."""
    now, target = counted_profit(state, money), limits.profit_target
    if not target or now < target:
        return None
    reason = f"Day's profit {shown(now)}{counted_from(state)} reached the target {shown(target)}"
    return Reached(profit_action(limits), now, target, tomorrow(state), reason)


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the day's profit against the target."""
    now, target = counted_profit(state, reckoned(state)), limits.profit_target
    if not target:
        return None
    about = f"profit of the trading day{counted_from(state)}"
    return Reading("dollars", target, now, max(ZERO, target - now), target, about)


RULE = Rule(
    _CODE,
    denier(_CODE),
    (_CODE, "profit_denies_only", "profit_from_now"),
    read=read,
    is_reached=is_reached,
)
