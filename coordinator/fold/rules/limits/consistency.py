"""Consistency: no single day may make more than a share of the total, so a day ends once it has.

The total is what is planned for, or what was made so far where that is more and the equity is known.
"""

from decimal import Decimal

from portfold.coordinator.fold.equity import equity
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import Reached, denier, tomorrow, watcher
from portfold.coordinator.fold.rules.limits.counted_profit import profit_action
from portfold.coordinator.fold.rules.rule import Reading, Rule
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.dollars import CENT, EXACT, ZERO, shown

_CODE = "consistency_percent"


def is_reached(state: State, limits: Limits) -> Reached | None:
    """Returns that the day has made its share of the total."""
    if not limits.consistency_percent:
        return None
    now, most = daily_pnl(state), _most(state, limits)
    if now < most:
        return None
    share = f"{limits.consistency_percent} % of the total {shown(_total(state, limits))}"
    reason = f"Day's profit {shown(now)} reached {share}, which is {shown(most)}"
    return Reached(profit_action(limits), now, most, tomorrow(state), reason)


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the day's profit against its share of the total."""
    if not limits.consistency_percent:
        return None
    now, most = daily_pnl(state), _most(state, limits)
    about = f"profit of the day; {limits.consistency_percent} % of {shown(_total(state, limits))}"
    return Reading("dollars", most, now, max(ZERO, most - now), most, about)


def _total(state: State, limits: Limits) -> Decimal:
    capital = state.capital
    if capital is None:
        return limits.consistency_total
    made = equity(state, capital, realized=False) - capital.start - capital.cash
    return max(limits.consistency_total, made)


def _most(state: State, limits: Limits) -> Decimal:
    share = _total(state, limits) * limits.consistency_percent / 100
    return EXACT.quantize(share, CENT)


RULE = Rule(_CODE, denier(_CODE), (_CODE, "consistency_total"), watcher(_CODE, is_reached), read, is_reached)
