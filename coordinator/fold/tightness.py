"""Which of two rules is the tighter: what a file may do to what is in force, with no person's order.

A rule that is not in force yet may always come. Of one that is, the tighter number holds, and all that says
how it is reckoned stays: whether a peak counts once a day or always, neither is tighter in every case. Of
numbers by name the tighter holds for each name; a group only grows; a ladder in force stays as it is.
"""

from collections.abc import Mapping
from decimal import Decimal

from portfold.by_name import by_name, groups_of, heavier, no_looser, wider_groups
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits
from portfold.coordinator.fold.rules.table import LATCHED
from portfold.events.limits_changed import LimitsChanged

_LESS = ("trailing_drawdown", "profit_target", "weekly_loss", "weekly_profit", "rolling_loss")
_MORE = ("equity_floor",)
_OF_PROFIT = ("profit_target", "profit_lock_at", "consistency_percent", "weekly_profit")
_BY_GROUP = ("group_positions", "group_contracts", "group_one_side")
_BY_NAME = (
    *("max_symbol_contracts", "worker_positions", "worker_contracts", "worker_entries"),
    *_BY_GROUP,
)


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
    resumes = [text for text in (in_force.max_forced_resumes, limits.max_forced_resumes) if text]
    kept["max_forced_resumes"] = min(resumes, key=int, default="")
    return kept | _exposure_no_looser(in_force, limits)


def _exposure_no_looser(in_force: Limits, limits: LimitsChanged) -> dict[str, object]:
    here, there = in_force.max_request_contracts, limits.max_request_contracts
    groups = wider_groups(in_force.groups, limits.groups)
    numbers = {name: no_looser(getattr(in_force, name), getattr(limits, name)) for name in _BY_NAME}
    for name in _BY_GROUP:
        if not by_name(numbers[name]).named.keys() <= groups_of(groups).keys():
            numbers[name] = getattr(in_force, name)  # there is no room for the groups of the file
    return {
        "max_request_contracts": min(here or there, there or here),
        **numbers,
        "contract_weights": heavier(in_force.contract_weights, limits.contract_weights),
        "groups": groups,
        "contracts_ladder": in_force.contracts_ladder or limits.contracts_ladder,
    }


def _tighter(number: str, here: Decimal, there: Decimal) -> Decimal:
    if number in _LESS:
        return min(here, there or here)
    return max(here, there) if number in _MORE else here
