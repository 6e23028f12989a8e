"""The trailing floor: so many dollars below the peak of the equity, which never falls.

The peak moves with every mark, or once a day at the firm's own time; the floor is held against the equity all
the time. It stops rising where it locks. Reached, it acts as the account's floor does.
"""

from portfold.coordinator.fold.equity import (
    TRAILING,
    Money,
    allowed_floor,
    equity_for,
    reckoned,
    trailing_floor,
)
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.rules.latching import denier
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown

_CODE = TRAILING


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the equity has come to the floor below the peak."""
    capital, now = state.capital, equity_for(limits, money, _CODE)
    if not limits.trailing_drawdown or capital is None or now is None:
        return None
    floor = allowed_floor(limits, capital, _CODE)
    if now > floor:
        return None
    reason = f"Equity {shown(now)} reached the floor {shown(floor)}, {_from(limits, capital)}"
    return Reached("flatten", now, floor, "", f"{reason}; only a resume lifts it")


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the equity against the floor below the peak."""
    capital, now = state.capital, equity_for(limits, reckoned(state), _CODE)
    if not limits.trailing_drawdown or capital is None or now is None:
        return None
    floor = allowed_floor(limits, capital, _CODE)
    whole = max(limits.trailing_drawdown, now - floor)
    what = "equity without open positions" if limits.trailing_on_realized else "equity"
    return Reading(
        "dollars", floor, now, max(ZERO, now - floor), whole, f"{what}; floor {_from(limits, capital)}"
    )


def _from(limits: Limits, capital: Capital) -> str:
    if limits.trailing_locks_at and trailing_floor(limits, capital) == limits.trailing_locks_at:
        return "where it has locked"
    when = f" at {limits.trailing_at}" if limits.trailing_at else ""
    return f"{shown(limits.trailing_drawdown)} below the peak {shown(capital.peak)}{when}"


RULE = Rule(
    _CODE,
    denier(_CODE),
    (_CODE, "trailing_on_realized", "trailing_at", "trailing_zone", "trailing_locks_at", "start_peak"),
    read=read,
    is_reached=is_reached,
)
