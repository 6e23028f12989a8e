"""The rules in force, as the last LimitsChanged on the log gives them; in words, and how to change them."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from portfold.by_name import groups_of
from portfold.dollars import ZERO
from portfold.events.codec import RefusedField, decode_event
from portfold.events.incoming import Malformed
from portfold.events.limits_changed import LimitsChanged
from portfold.weekly_windows import unknown_in, windows_of
from portfold.whole_rules import expected_of_tiers

_NOT_A_LIMIT = {"by", "reason", "config", "second"}
_NAMES = tuple(name for name in LimitsChanged.__struct_fields__ if name not in _NOT_A_LIMIT)


_ABSENT = {field.name: field.default for field in fields(LimitsChanged) if field.default is not NODEFAULT}
_ALIKE = tuple(
    name for name in LimitsChanged.__struct_fields__ if name not in ("symbols", "point_values", "second")
)
RULES_THAT_MAY_BE_ABSENT = {
    name: absent
    for name, absent in _ABSENT.items()
    if name not in _NOT_A_LIMIT and not name.startswith("account")
}
"""Each limit of a rule that may be absent, and what it is where the rule is."""


class Limits(Struct, frozen=True, dict=True):
    """What a portfolio may do. Dollars, contracts and milliseconds; `point_values` in dollars a point.

    What has a default here, a snapshot of an earlier version does not have: no such rule was in force.
    """

    max_positions: int
    max_contracts: int
    daily_stop_loss: Decimal
    symbols: tuple[str, ...]
    stop_loss_on: Literal["total", "realized"]
    stop_approach_percent: int
    reservation_ms: int
    flatten_ms: int
    mark_stale_ms: int
    on_worker_lost: Literal["hold", "flatten"]
    zone: str
    roll: str
    point_values: dict[str, Decimal]
    by: str
    reason: str
    config: str
    account: str
    account_grace_ms: int
    account_tolerance: Decimal
    account_silent_ms: int
    account_silence_denies: bool
    start_balance: Decimal = ZERO
    start_peak: Decimal = ZERO
    equity_floor: Decimal = ZERO
    trailing_drawdown: Decimal = ZERO
    trailing_on_realized: bool = False
    trailing_at: str = ""
    trailing_zone: str = ""
    trailing_locks_at: Decimal = ZERO
    profit_target: Decimal = ZERO
    profit_lock_at: Decimal = ZERO
    profit_lock_floor: Decimal = ZERO
    profit_lock_trail: Decimal = ZERO
    profit_denies_only: bool = False
    profit_from_now: bool = False
    consistency_percent: int = 0
    consistency_total: Decimal = ZERO
    weekly_loss: Decimal = ZERO
    weekly_profit: Decimal = ZERO
    rolling_loss: Decimal = ZERO
    rolling_days: int = 0
    rolling_pause_days: int = 0
    loss_tiers: str = ""
    max_forced_resumes: str = ""
    mark_stale_denies: bool = False
    mark_jumps: str = ""
    mark_confirm_seconds: int = 0
    windows: str = ""
    marks_together_seconds: int = 0
    max_request_contracts: int = 0
    max_symbol_contracts: str = ""
    contract_weights: str = ""
    worker_positions: str = ""
    worker_contracts: str = ""
    worker_entries: str = ""
    groups: str = ""
    group_positions: str = ""
    group_contracts: str = ""
    group_one_side: str = ""
    contracts_ladder: str = ""
    worker_daily_loss: str = ""
    loss_budget: Literal["", "default", "deny"] = ""
    default_risk: str = ""
    stop_costs: str = ""
    max_entries: int = 0
    max_entries_week: int = 0
    worker_entries_week: str = ""
    symbol_entries: str = ""
    symbol_entries_week: str = ""
    loss_streak: int = 0
    loss_streak_minutes: int = 0
    loss_streak_within: int = 0
    worker_loss_streak: str = ""
    worker_loss_streak_minutes: str = ""
    worker_loss_streak_within: str = ""
    symbol_loss_streak: str = ""
    symbol_loss_streak_minutes: str = ""
    symbol_loss_streak_within: str = ""
    worker_rate: str = ""
    worker_burst: str = ""
    rate_repeats: int = 0

    @cached_property
    def jumps(self) -> dict[str, Decimal]:
        """Returns by symbol how many points a mark may jump without a second one."""
        return _by_symbol(self.mark_jumps)

    @cached_property
    def default_risks(self) -> dict[str, Decimal]:
        """Returns by symbol the dollars a contract that count for what names no stop."""
        return _by_symbol(self.default_risk)

    @cached_property
    def costs_at_stop(self) -> dict[str, Decimal]:
        """Returns by symbol the dollars a contract that commission and slippage cost at a stop."""
        return _by_symbol(self.stop_costs)

    @cached_property
    def weights(self) -> dict[str, Decimal]:
        """Returns how much a contract counts, for the symbols whose contracts do not count 1."""
        pairs = (pair.split("=") for pair in self.contract_weights.split(" ") if pair)
        return {symbol: Decimal(weight) for symbol, weight in pairs}

    @cached_property
    def present(self) -> frozenset[str]:
        """Returns the limits that may be absent, and are not."""
        return frozenset(
            name for name, absent in RULES_THAT_MAY_BE_ABSENT.items() if getattr(self, name) != absent
        )

    @cached_property
    def chosen(self) -> bool:
        """Returns whether any rule is in force that may be absent."""
        return bool(self.present)

    @cached_property
    def text(self) -> str:
        """Shows all of it in one line, for people."""
        return "; ".join(f"{name}={value}" for name, value in limits_shown(self).items())


class Loosening(Struct, frozen=True):
    """Limits that were ordered at the event `since`, and loosen: they count from the trading day `day` on.

    `changes` says in words what is otherwise then.
    """

    limits: Limits
    day: str
    since: str
    changes: str


def _by_symbol(text: str) -> dict[str, Decimal]:
    pairs = (pair.split("=") for pair in text.split(" ") if pair)
    return {symbol: Decimal(value) for symbol, value in pairs}


def limits_of(event: LimitsChanged) -> Limits:
    """Reads the event's flat lists."""
    alike: dict[str, Any] = {name: getattr(event, name) for name in _ALIKE}
    return Limits(
        **alike,
        symbols=tuple(event.symbols.split(" ")),
        point_values=_by_symbol(event.point_values),
    )


def order_of(limits: Limits) -> LimitsChanged:
    """Returns the order that puts these limits in force: what `limits_of` reads."""
    alike: dict[str, Any] = {name: getattr(limits, name) for name in _ALIKE}
    return LimitsChanged(
        **alike, symbols=_in_words(limits.symbols), point_values=_in_words(limits.point_values)
    )


def limits_named(limits: Limits) -> dict[str, str]:
    """Returns each limit by its name, in the words of an order."""
    return {name: _in_words(getattr(limits, name)) for name in _NAMES}


def limits_shown(limits: Limits) -> dict[str, str]:
    """Returns the same without what is nothing and may be left out: no such rule is in force."""
    named = limits_named(limits)
    return {name: text for name, text in named.items() if getattr(limits, name) != _ABSENT.get(name)}


def limits_valued(limits: Limits) -> dict[str, object]:
    """Returns the same for programs: numbers and flags as such, the symbols as a list, the rest in words."""
    return {
        name: list(limits.symbols) if name == "symbols" else _valued(getattr(limits, name), text)
        for name, text in limits_shown(limits).items()
    }


def _valued(value: object, text: str) -> object:
    return value if isinstance(value, int | Decimal) else text


def rules_shown(limits: Limits) -> dict[str, str]:
    """Returns those of the rules that may be absent, and are not."""
    return {name: text for name, text in limits_shown(limits).items() if name in RULES_THAT_MAY_BE_ABSENT}


def limits_differing(limits: Limits, others: Limits) -> dict[str, str]:
    """Returns those of the others that differ, in the words of an order; the order of symbols is none."""
    here, there = limits_named(limits), limits_named(others)
    differing = {name: text for name, text in there.items() if text != here[name]}
    if set(limits.symbols) == set(others.symbols):
        differing.pop("symbols", None)
    return differing


def changed_limits(
    limits: Limits | None, changes: Mapping[str, str], *, by: str, reason: str, second: str = ""
) -> LimitsChanged:
    """Returns the limits with `changes` made to them. Raises RefusedField, naming the limit."""
    if limits is None:
        raise RefusedField("limits: none are in force yet; start a coordinator first")
    in_force = limits_named(limits)
    for name in changes:
        if name not in _NAMES:
            raise RefusedField(f"{name}: not a limit; the limits are {', '.join(_NAMES)}")
    signed = {"by": by, "reason": reason, "second": second}
    named = {"type": "LimitsChanged", **signed, **in_force, **changes}
    event = decode_event([word for pair in named.items() for word in pair])
    if isinstance(event, LimitsChanged):
        if "loss_tiers" in changes:
            _refuse_tiers_in_disorder(event)
        if "windows" in changes:
            _refuse_unknown_in_windows(event, limits)
        return event
    raise RefusedField(event.reason if isinstance(event, Malformed) else "limits: cannot be read")


def _refuse_tiers_in_disorder(event: LimitsChanged) -> None:
    expected = expected_of_tiers(event.loss_tiers, event.daily_stop_loss, event.max_contracts)
    if expected is not None:
        raise RefusedField(f"loss_tiers: expected {expected}")


def _refuse_unknown_in_windows(event: LimitsChanged, before: Limits) -> None:
    """Refuses a window, unless it is in force already, of what is no symbol and no group."""
    new = [one for one in windows_of(event.windows) if one.text not in before.windows.split(" ")]
    symbols = {*event.symbols.split(" "), *before.point_values}
    expected = unknown_in(new, groups_of(event.groups), symbols)
    if expected:
        raise RefusedField(f"windows: expected {expected}")


def _in_words(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return _plain(value)
        case tuple():
            return " ".join(value)
        case dict():
            return " ".join([f"{symbol}={_plain(dollars)}" for symbol, dollars in value.items()])
        case _:
            return str(value)


def _plain(amount: Decimal) -> str:
    """Writes the amount without an exponent. Most have none, which is found out faster than formatted."""
    text = str(amount)
    return f"{amount:f}" if "E" in text else text
