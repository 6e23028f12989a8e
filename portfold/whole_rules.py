"""What a rule needs beside it, or says twice: the file and the log refuse the same."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from portfold.by_name import by_name, groups_of, is_ascending, member_repeated, repeated, steps_of

_BY_NAME = (
    *("max_symbol_contracts", "contract_weights", "groups"),
    *("worker_positions", "worker_contracts", "worker_entries", "worker_daily_loss"),
)
_BY_GROUP = ("group_positions", "group_contracts", "group_one_side")


class GivenRules(Protocol):
    """The limits that depend on one another, in a file as on the log."""

    @property
    def start_balance(self) -> Decimal: ...
    @property
    def equity_floor(self) -> Decimal: ...
    @property
    def trailing_drawdown(self) -> Decimal: ...
    @property
    def trailing_at(self) -> str: ...
    @property
    def trailing_zone(self) -> str: ...
    @property
    def profit_lock_at(self) -> Decimal: ...
    @property
    def profit_lock_floor(self) -> Decimal: ...
    @property
    def consistency_percent(self) -> int: ...
    @property
    def consistency_total(self) -> Decimal: ...
    @property
    def rolling_loss(self) -> Decimal: ...
    @property
    def rolling_days(self) -> int: ...
    @property
    def mark_jumps(self) -> str: ...
    @property
    def mark_confirm_seconds(self) -> int: ...
    @property
    def groups(self) -> str: ...
    @property
    def contracts_ladder(self) -> str: ...


class Missing(NamedTuple):
    """A field that does not fit the others, and what was expected there."""

    field: str
    expected: str


def half_of_a_rule(given: GivenRules) -> Missing | None:
    """Returns what a rule among those given lacks, None where each is whole."""
    if (given.equity_floor or given.trailing_drawdown) and not given.start_balance:
        return Missing("start_balance", "more than 0 dollars with equity_floor or trailing_drawdown")
    if given.trailing_at and not given.trailing_zone:
        return Missing("trailing_zone", "a time zone with trailing_at, such as America/Chicago")
    if given.profit_lock_at and given.profit_lock_floor >= given.profit_lock_at:
        return Missing("profit_lock_floor", "less than profit_lock_at")
    if given.consistency_percent and not given.consistency_total:
        return Missing("consistency_total", "more than 0 dollars with consistency_percent")
    if given.rolling_loss and not given.rolling_days:
        return Missing("rolling_days", "at least 1 with rolling_loss")
    if given.mark_jumps and not given.mark_confirm_seconds:
        return Missing("mark_confirm_seconds", "at least 1 second with mark_jumps")
    symbols = [pair.partition("=")[0] for pair in given.mark_jumps.split(" ")]
    if len(set(symbols)) != len(symbols):
        return Missing("mark_jumps", "each symbol once")
    return _half_of_exposure(given)


def _half_of_exposure(given: GivenRules) -> Missing | None:
    for field in (*_BY_NAME, *_BY_GROUP):
        if repeated(getattr(given, field)):
            return Missing(field, "each name once")
    if member_repeated(given.groups):
        return Missing("groups", "each symbol of a group once")
    known = groups_of(given.groups)
    for field in _BY_GROUP:
        unknown = [name for name in by_name(getattr(given, field)).named if name not in known]
        if unknown or (getattr(given, field) and not known):
            return Missing(field, "names of groups, as the limit groups has them")
    steps = steps_of(given.contracts_ladder)
    if not is_ascending(steps):
        return Missing("contracts_ladder", "steps that rise, in dollars and in contracts")
    if steps and not given.start_balance:
        return Missing("start_balance", "more than 0 dollars with contracts_ladder")
    return None
