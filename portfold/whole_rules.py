"""What a rule needs beside it, or says twice: the file and the log refuse the same."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from portfold.bounds import MOST_LOSSES_WITHIN
from portfold.by_name import by_name, groups_of, is_ascending, member_repeated, repeated, steps_of
from portfold.weekly_windows import windows_of, wrong_in

_BY_NAME = (
    *("max_symbol_contracts", "contract_weights", "groups"),
    *("worker_positions", "worker_contracts", "worker_entries", "worker_daily_loss"),
    *("worker_entries_week", "symbol_entries", "symbol_entries_week", "worker_rate", "worker_burst"),
    *("worker_loss_streak", "worker_loss_streak_minutes", "worker_loss_streak_within"),
    *("symbol_loss_streak", "symbol_loss_streak_minutes", "symbol_loss_streak_within"),
)
_NEEDS = {
    "loss_streak_minutes": ("loss_streak", "at least 1 with loss_streak_minutes"),
    "worker_loss_streak_minutes": ("worker_loss_streak", "losses with worker_loss_streak_minutes"),
    "symbol_loss_streak_minutes": ("symbol_loss_streak", "losses with symbol_loss_streak_minutes"),
    "loss_streak_within": ("loss_streak", "at least 1 with loss_streak_within"),
    "worker_loss_streak_within": ("worker_loss_streak", "losses with worker_loss_streak_within"),
    "symbol_loss_streak_within": ("symbol_loss_streak", "losses with symbol_loss_streak_within"),
    "worker_burst": ("worker_rate", "entries a minute with worker_burst, such as 2"),
    "rate_repeats": ("worker_rate", "entries a minute with rate_repeats, such as 2"),
}
"""Of what says how a rule of pace is meant, the number that it needs."""
_MILDEST_FIRST = ("tell", "above", "deny", "flatten")
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
    def windows(self) -> str: ...
    @property
    def loss_budget(self) -> str: ...
    @property
    def default_risk(self) -> str: ...
    @property
    def stop_costs(self) -> str: ...
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
    if given.loss_budget == "default" and not given.default_risk:
        return Missing("default_risk", "dollars a contract with a loss_budget of default, such as ES=500")
    if any(not pair.partition("=")[2].strip("0.") for pair in given.default_risk.split(" ") if pair):
        return Missing("default_risk", "more than 0 dollars a contract")
    lists = {name: getattr(given, name) for name in ("mark_jumps", "default_risk", "stop_costs")}
    twice = next((name for name, text in lists.items() if _names_twice(text)), None)
    if twice:
        return Missing(twice, "each symbol once")
    wrong = wrong_in(windows_of(given.windows), groups_of(given.groups))
    return Missing("windows", wrong) if wrong else _half_of_exposure(given)


def _names_twice(text: str) -> bool:
    symbols = [pair.partition("=")[0] for pair in text.split(" ")]
    return len(set(symbols)) != len(symbols)


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
    return _half_of_pace(given)


def _half_of_pace(given: GivenRules) -> Missing | None:
    for field, (number, expected) in _NEEDS.items():
        if getattr(given, field) and not getattr(given, number):
            return Missing(number, expected)
    for number in ("loss_streak", "worker_loss_streak", "symbol_loss_streak"):
        losses = by_name(str(getattr(given, number)))
        most = max([*losses.named.values(), losses.each], key=lambda one: one or 0) or 0
        if getattr(given, f"{number}_within") and most > MOST_LOSSES_WITHIN:
            return Missing(number, f"at most {MOST_LOSSES_WITHIN} losses with {number}_within")
    return None


def expected_of_tiers(tiers: str, daily_stop_loss: Decimal, max_contracts: int | None = None) -> str | None:
    """Returns what was expected of the tiers beside the other limits; None where they can be meant.

    `max_contracts` is None where that is not known. On the log tiers are read as ever: a limit that is
    tightened leaves a tier behind it that says nothing more, which is no reason to refuse it.
    """
    before: tuple[Decimal, str, tuple[int, int]] | None = None
    for word in tiers.split():
        loss, _, wanted = word.partition("=")
        action, _, size = wanted.partition(":")
        dollars = _dollars(loss, daily_stop_loss)
        strictness = (_MILDEST_FIRST.index(action), -int(size or "0"))
        if dollars > daily_stop_loss:
            return f"no tier beyond the daily stop of {daily_stop_loss:f} dollars, which {word} is"
        if before is not None and dollars <= before[0]:
            return f"the smallest loss first, and {word} comes after {before[1]}"
        if before is not None and strictness < before[2]:
            return f"nothing milder at a worse loss, and {word} is milder than {before[1]}"
        if max_contracts is not None and action == "above" and int(size) >= max_contracts:
            return f"less than max_contracts, {max_contracts}, after above: {word} would deny nothing"
        before = (dollars, word, strictness)
    return None


def _dollars(loss: str, daily_stop_loss: Decimal) -> Decimal:
    amount = Decimal(loss.removesuffix("%"))
    return daily_stop_loss * amount / 100 if loss.endswith("%") else amount
