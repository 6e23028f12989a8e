"""Which of two rules of money is the tighter: what a file may do to what is in force, with no person's order.

A rule that is not in force yet may always come. Of one that is, the tighter number holds, and all that says
how it is reckoned stays: whether a peak counts once a day or always, neither is tighter in every case.
"""

from collections.abc import Mapping
from decimal import Decimal

from portfold.bounds import MOST_WINDOWS
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits
from portfold.coordinator.fold.rules.table import LATCHED
from portfold.events.limits_changed import LimitsChanged

_LESS = ("trailing_drawdown", "profit_target", "weekly_loss", "weekly_profit", "rolling_loss")
_MORE = ("equity_floor",)
_OF_PROFIT = ("profit_target", "profit_lock_at", "consistency_percent", "weekly_profit")


def rules_no_looser(in_force: Limits, limits: LimitsChanged) -> Mapping[str, object]:
    """Returns what has to be otherwise in the limits so that no rule in force is loosened by them."""
    kept: dict[str, object] = {}
    for rule in LATCHED:
        number, *beside = rule.keys
        here = getattr(in_force, number)
        if here == RULES_THAT_MAY_BE_ABSENT[number]:
            continue
        kept |= {name: getattr(in_force, name) for name in beside}
        kept[number] = _tighter(number, here, getattr(limits, number))
    if in_force.start_balance:
        kept |= {"start_balance": in_force.start_balance, "start_peak": in_force.start_peak}
    if any(getattr(in_force, name) for name in _OF_PROFIT):
        kept["profit_denies_only"] = in_force.profit_denies_only
    if in_force.mark_stale_denies:
        kept["mark_stale_denies"] = True
    if in_force.mark_jumps:
        kept |= {name: getattr(in_force, name) for name in ("mark_jumps", "mark_confirm_seconds")}
    if in_force.windows:
        kept["windows"] = _all_windows(in_force.windows, limits.windows)
    resumes = [text for text in (in_force.max_forced_resumes, limits.max_forced_resumes) if text]
    kept["max_forced_resumes"] = min(resumes, key=int, default="")
    return kept


def _all_windows(here: str, there: str) -> str:
    """Returns the windows in force and those that come, as far as limits hold so many."""
    each = dict.fromkeys(word for word in f"{here} {there}".split(" ") if word)
    return " ".join([*each][:MOST_WINDOWS])


def _tighter(number: str, here: Decimal, there: Decimal) -> Decimal:
    if number in _LESS:
        return min(here, there or here)
    return max(here, there) if number in _MORE else here
