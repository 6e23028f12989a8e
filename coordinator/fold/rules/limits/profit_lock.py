"""The day's profit lock: once the profit has been so high, it may not fall to a floor.

The floor is fixed, or trails the day's best by so many dollars and never falls. Reached, it flattens and
denies entries for the day, or denies them only.
"""

from decimal import Decimal

from portfold.coordinator.fold.equity import Money, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.latching import denier, tomorrow
from portfold.coordinator.fold.rules.limits.counted_profit import counted_from, counted_profit, profit_action
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown

_CODE = "profit_lock_at"


def note_profit(state: State, limits: Limits, money: Money) -> None:
    """Arms the lock, and remembers the day's best from there on."""
    if not limits.profit_lock_at:
        return
    now, best = counted_profit(state, money), state.day.best
    if best is not None or now >= limits.profit_lock_at:
        state.day.best = now if best is None else max(best, now)


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns that the profit has fallen back to the floor."""
    best = state.day.best
    if not limits.profit_lock_at or best is None:
        return None
    now, floor = counted_profit(state, money), _floor(limits, best)
    if now > floor:
        return None
    reason = (
        f"Day's profit {shown(now)}{counted_from(state)} fell to the locked {shown(floor)}; its best was "
        f"{shown(best)}"
    )
    return Reached(profit_action(limits), now, floor, tomorrow(state), reason)


def closes_at(state: State, limits: Limits) -> Decimal | None:
    """Returns the day's P&L at which the armed lock closes everything."""
    best = state.day.best
    if not limits.profit_lock_at or best is None or profit_action(limits) != "flatten":
        return None
    return _floor(limits, best) + state.day.profit_from


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the day's profit against the floor once the lock is armed."""
    best = state.day.best
    if not limits.profit_lock_at or best is None:
        return None
    now, floor = counted_profit(state, reckoned(state)), _floor(limits, best)
    whole = max(best - floor, ZERO)
    return Reading(
        "dollars", floor, now, max(ZERO, now - floor), whole, f"profit of the day, its best {shown(best)}"
    )


def _floor(limits: Limits, best: Decimal) -> Decimal:
    trailing = best - limits.profit_lock_trail if limits.profit_lock_trail else ZERO
    return max(limits.profit_lock_floor, trailing)


RULE = Rule(
    _CODE,
    denier(_CODE),
    (_CODE, "profit_lock_floor", "profit_lock_trail"),
    read=read,
    is_reached=is_reached,
)
