"""Which of two limits is the tighter: what counts at once, and what of an order has to wait.

Guarantees: whatever could allow more than what is in force is taken for looser; so is what has no direction,
such as another roll. A rule that is new loosens nothing. One that is reckoned with several limits changes as
a whole: where one of them loosens, of the rule only a tighter number counts.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from portfold.bounds import MOST_WINDOWS
from portfold.by_name import (
    no_higher,
    no_larger,
    no_larger_burst,
    no_lighter,
    no_narrower,
    no_shorter,
    no_shorter_span,
)
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits
from portfold.coordinator.fold.rules.table import LATCHED
from portfold.whole_rules import half_of_a_rule

_OF_PROFIT = ("profit_target", "profit_lock_at", "consistency_percent", "weekly_profit")
_HOW_PROFIT_COUNTS = ("profit_denies_only", "profit_from_now")
_BEGIN_TO_COUNT = (
    ("start_balance", "start_peak"),
    ("account", "account_grace_ms", "account_tolerance", "account_silent_ms", "account_silence_denies"),
    ("mark_jumps", "mark_confirm_seconds"),
    ("loss_budget", "default_risk", "stop_costs"),
    ("groups", "group_positions", "group_contracts", "group_one_side"),
    ("worker_loss_streak", "worker_loss_streak_minutes", "worker_loss_streak_within"),
    ("symbol_loss_streak", "symbol_loss_streak_minutes", "symbol_loss_streak_within"),
    ("worker_rate", "worker_burst", "rate_repeats"),
)
"""Limits that are one rule, as those of each rule of money are; the first says whether there is any."""
_ALONE = (
    "trailing_drawdown",
    "profit_target",
    "weekly_loss",
    "weekly_profit",
    "rolling_loss",
    "equity_floor",
)
"""Numbers that are tighter or not however the rest of their rule is reckoned."""


def _lower(here: Any, there: Any) -> bool:
    return bool(there <= here)


def _lower_or_new(here: Any, there: Any) -> bool:
    """At 0 there is no such limit, which is the loosest."""
    return not here or 0 < there <= here


def _fewer_resumes(here: str, there: str) -> bool:
    return not here or (there != "" and int(there) <= int(here))


def _higher(here: Any, there: Any) -> bool:
    return bool(there >= here)


def _higher_or_none(here: Any, there: Any) -> bool:
    """At 0 a floor rises without end, and a pause has none, which is the tightest."""
    return not there or bool(here and there >= here)


def _longer(here: int, there: int) -> bool:
    """At 0 losses are counted in a row, which is neither more nor less than those of some minutes."""
    return here == there or 0 < here <= there


def _or(*, tighter: object) -> Callable[[Any, Any], bool]:
    return lambda here, there: there in (here, tighter)


def _fewer(here: tuple[str, ...], there: tuple[str, ...]) -> bool:
    return set(there) <= set(here)


def _all_and_more(here: dict[str, Any], there: dict[str, Any]) -> bool:
    return here.items() <= there.items()


def _all_words_and_more(here: str, there: str) -> bool:
    return set(here.split()) <= set(there.split())


def _unchanged(here: object, there: object) -> bool:
    return here == there


def _unchanged_or_new(here: object, there: object) -> bool:
    return not here or here == there


NO_LOOSER: dict[str, Callable[[Any, Any], bool]] = {
    "max_positions": _lower,
    "max_contracts": _lower,
    "daily_stop_loss": _lower,
    "symbols": _fewer,
    "stop_loss_on": _or(tighter="total"),
    "stop_approach_percent": _lower,
    "reservation_ms": _unchanged,  # a shorter one frees slots sooner, a longer one lets later fills in
    "flatten_ms": _lower,
    "mark_stale_ms": _lower_or_new,
    "on_worker_lost": _or(tighter="flatten"),
    "zone": _unchanged,
    "roll": _unchanged,
    "point_values": _all_and_more,
    "account": _unchanged_or_new,
    "account_grace_ms": _lower,
    "account_tolerance": _lower,
    "account_silent_ms": _lower_or_new,
    "account_silence_denies": _or(tighter=True),
    "start_balance": _unchanged_or_new,
    "start_peak": _unchanged,
    "equity_floor": _higher,
    "trailing_drawdown": _lower_or_new,
    "trailing_on_realized": _unchanged,
    "trailing_at": _unchanged,
    "trailing_zone": _unchanged,
    "trailing_locks_at": _higher_or_none,
    "profit_target": _lower_or_new,
    "profit_lock_at": _lower_or_new,
    "profit_lock_floor": _higher,
    "profit_lock_trail": _lower_or_new,
    "profit_denies_only": _or(tighter=False),
    "profit_from_now": _or(tighter=False),
    "consistency_percent": _lower_or_new,
    "consistency_total": _lower_or_new,
    "weekly_loss": _lower_or_new,
    "weekly_profit": _lower_or_new,
    "rolling_loss": _lower_or_new,
    "rolling_days": _unchanged,
    "rolling_pause_days": _higher,
    "loss_tiers": _all_words_and_more,
    "max_forced_resumes": _fewer_resumes,
    "mark_stale_denies": _or(tighter=True),
    "mark_jumps": _unchanged_or_new,
    "mark_confirm_seconds": _unchanged,
    "windows": _all_words_and_more,
    "marks_together_seconds": _lower,
    "loss_budget": _or(tighter="deny"),
    "default_risk": _unchanged_or_new,
    "stop_costs": _unchanged_or_new,
    "max_request_contracts": _lower_or_new,
    "max_symbol_contracts": no_larger,
    "contract_weights": no_lighter,
    "worker_positions": no_larger,
    "worker_contracts": no_larger,
    "worker_entries": no_larger,
    "groups": no_narrower,
    "group_positions": no_larger,
    "group_contracts": no_larger,
    "group_one_side": no_larger,
    "contracts_ladder": no_higher,
    "worker_daily_loss": no_larger,
    "max_entries": _lower_or_new,
    "max_entries_week": _lower_or_new,
    "worker_entries_week": no_larger,
    "symbol_entries": no_larger,
    "symbol_entries_week": no_larger,
    "loss_streak": _lower_or_new,
    "loss_streak_minutes": _higher_or_none,
    "loss_streak_within": _longer,
    "worker_loss_streak": no_larger,
    "worker_loss_streak_minutes": no_shorter,
    "worker_loss_streak_within": no_shorter_span,
    "symbol_loss_streak": no_larger,
    "symbol_loss_streak_minutes": no_shorter,
    "symbol_loss_streak_within": no_shorter_span,
    "worker_rate": no_larger,
    "worker_burst": no_larger_burst,
    "rate_repeats": _lower_or_new,
}
"""By the name of a limit, whether another value of it, the second, allows no more than the first."""


def at_once(in_force: Limits, ordered: Limits) -> Limits:
    """Returns what of the ordered limits counts at once: they, but for what would loosen those in force."""
    kept: dict[str, object] = {}
    for names in _reckoned_together(in_force):
        if all(_no_looser(name, in_force, ordered) for name in names):
            continue
        kept |= {name: getattr(in_force, name) for name in names}
        number = names[0]
        if number in _ALONE and _no_looser(number, in_force, ordered):
            kept[number] = getattr(ordered, number)
        if number == "symbols":
            both = tuple(symbol for symbol in ordered.symbols if symbol in in_force.symbols)
            kept[number] = both or in_force.symbols
        if number == "windows":
            kept[number] = _all_windows(in_force.windows, ordered.windows)
    return _whole(in_force, replace(ordered, **kept))


def _whole(in_force: Limits, now: Limits) -> Limits:
    """Returns the limits without what needs another that waits, such as a limit of a group that is new."""
    half = half_of_a_rule(now)
    while half is not None:
        here = getattr(in_force, half.field)
        if getattr(now, half.field) == here:
            return in_force
        now = replace(now, **{half.field: here})
        half = half_of_a_rule(now)
    return now


def _all_windows(here: str, there: str) -> str:
    """Returns the windows in force and those that come, as far as limits hold so many."""
    each = dict.fromkeys([*here.split(), *there.split()])
    return " ".join([*each][:MOST_WINDOWS])


def _reckoned_together(in_force: Limits) -> Iterator[tuple[str, ...]]:
    """Yields the names of each rule that is in force: of what is not there yet nothing can be loosened."""
    alone = dict.fromkeys(name for name in Limits.__struct_fields__ if name not in ("by", "reason", "config"))
    for keys in (*_BEGIN_TO_COUNT, *(rule.keys for rule in LATCHED)):
        names = [name for name in keys if name in alone and name not in _HOW_PROFIT_COUNTS]
        for name in names:
            del alone[name]
        if getattr(in_force, names[0]) != RULES_THAT_MAY_BE_ABSENT.get(names[0], ""):
            yield tuple(names)
    profit_counts = any(getattr(in_force, name) for name in _OF_PROFIT)
    for name in alone:
        if profit_counts or name not in _HOW_PROFIT_COUNTS:
            yield (name,)


def _no_looser(name: str, in_force: Limits, ordered: Limits) -> bool:
    return NO_LOOSER.get(name, _is_unchanged_or_new(name))(getattr(in_force, name), getattr(ordered, name))


def _is_unchanged_or_new(name: str) -> Callable[[Any, Any], bool]:
    absent = RULES_THAT_MAY_BE_ABSENT.get(name)
    return lambda here, there: here in (absent, there)
