"""The account's floor: equity at or below it flattens and denies entries until a resume with a reason.

No new day lifts it. A resume while the equity is still there has to be forced, on record; the floor is then
one daily limit below, until the equity is above the real one again.
"""

from portfold.coordinator.fold.equity import FLOOR, Money, allowed_floor, equity_for, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown

_CODE = FLOOR


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the equity has come to the floor."""
    capital, now = state.capital, equity_for(limits, money, _CODE)
    if not limits.equity_floor or capital is None or now is None:
        return None
    floor = allowed_floor(limits, capital, _CODE)
    if now > floor:
        return None
    reason = f"Equity {shown(now)} reached the floor {shown(floor)}; only a resume lifts it"
    return Reached("flatten", now, floor, "", reason)


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the equity against the floor."""
    capital, now = state.capital, equity_for(limits, reckoned(state), _CODE)
    if not limits.equity_floor or capital is None or now is None:
        return None
    floor = allowed_floor(limits, capital, _CODE)
    whole = max(capital.start - floor, now - floor, ZERO)
    about = f"equity, from a start of {shown(capital.start)}"
    return Reading("dollars", floor, now, max(ZERO, now - floor), whole, about)


RULE = Rule(_CODE, denier(_CODE), (_CODE, "start_balance"), read=read, is_reached=is_reached)
