"""Consistency: no single day may make more than a share of the total, so a day ends once it has.

The total is what is planned for, or what was made so far where that is more and the equity is known.
"""

from decimal import Decimal

from portfold.coordinator.fold.equity import Money, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier, tomorrow
from portfold.coordinator.fold.rules.limits.counted_profit import profit_action
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import CENT, EXACT, ZERO, shown

_CODE = "consistency_percent"


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the day has made its share of the total."""
    if not limits.consistency_percent:
        return None
    now, least = money.pnl, limits.consistency_total * limits.consistency_percent / 100
    if now + CENT < least:
        return None  # which is soon found out, and true of most days
    most = _most(state, limits, money)
    if now < most:
        return None
    share = f"{limits.consistency_percent} % of the total {shown(_total(state, limits, money))}"
    reason = f"Day's profit {shown(now)} reached {share}, which is {shown(most)}"
    return Reached(profit_action(limits), now, most, tomorrow(state), reason)


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the day's profit against its share of the total."""
    if not limits.consistency_percent:
        return None
    money = reckoned(state)
    now, most = money.pnl, _most(state, limits, money)
    about = f"profit of the day; {limits.consistency_percent} % of {shown(_total(state, limits, money))}"
    return Reading("dollars", most, now, max(ZERO, most - now), most, about)


def _total(state: State, limits: Limits, money: Money) -> Decimal:
    capital = state.capital
    if capital is None or money.equity is None:
        return limits.consistency_total
    made = money.equity - capital.start - capital.cash
    return max(limits.consistency_total, made)


def _most(state: State, limits: Limits, money: Money) -> Decimal:
    share = _total(state, limits, money) * limits.consistency_percent / 100
    return EXACT.quantize(share, CENT)


RULE = Rule(_CODE, denier(_CODE), (_CODE, "consistency_total"), read=read, is_reached=is_reached)
