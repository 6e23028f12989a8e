"""The order that puts rules in force: all of them, in full, so that a replay needs no file."""

from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from portfold.bounds import COUNT, LONGEST_NAME, MOST_COUNT, MOST_NAMED, NAME_LETTERS, SYMBOL, WEIGHED
from portfold.dollars import ZERO
from portfold.events.calendar_fields import Windows
from portfold.events.fields import (
    ClockTime,
    ClockTimeOrNone,
    ContractLimit,
    CountByName,
    CountBySymbol,
    CountOrNone,
    DaysOrNone,
    Digest,
    Dollars,
    DollarsByName,
    DollarsEach,
    Flag,
    Groups,
    HoldOrFlatten,
    Ladder,
    LossBudget,
    LossTiers,
    Milliseconds,
    NameOrNone,
    Percent,
    PercentOrNone,
    Person,
    PersonOrNone,
    PointJumps,
    PointValues,
    PositionLimit,
    RequestLimit,
    SecondsOrNone,
    StopBasis,
    SymbolList,
    Text,
    WeighedByName,
    Weights,
    ZoneName,
    ZoneNameOrNone,
)
from portfold.events.message import AnyEvent
from portfold.whole_rules import half_of_a_rule

_NAME = rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}"
CountOfPace = Annotated[
    int, Meta(ge=0, le=MOST_COUNT, description=f"a whole number from 0 (none) to {MOST_COUNT}")
]
NumberBySymbol = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{SYMBOL}=)?{COUNT}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="a whole number for each symbol, and for those with their own, such as 2 ES=4",
    ),
]
RateByName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{_NAME}=)?{WEIGHED}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="entries a minute for each, and for those with their own, such as 2 ibs-ES=0.5",
    ),
]
_NOT_BELOW_ZERO = (
    "start_balance",
    "start_peak",
    "equity_floor",
    "trailing_drawdown",
    "trailing_locks_at",
    "profit_target",
    "profit_lock_at",
    "profit_lock_floor",
    "profit_lock_trail",
    "consistency_total",
    "weekly_loss",
    "weekly_profit",
    "rolling_loss",
)


class LimitsChanged(AnyEvent, frozen=True):
    """The rules in force, in full, so that a replay needs no file.

    What tightens counts from here on, what loosens from the next trading day; or from here on too, where
    another person than `by` is named as the `second`.
    `config` is the digest of the configuration they come from, nothing when an operator ordered them.
    `account` is the one that is watched, nothing for none; the four that follow say how, with
    `account_silent_ms` 0 for a silence that nobody is told of. What follows are rules that may be absent: at
    its default none of them is in force. docs/limits.md says what each means.
    """

    by: Person
    reason: Text
    max_positions: PositionLimit
    max_contracts: ContractLimit
    daily_stop_loss: Dollars
    symbols: SymbolList
    stop_loss_on: StopBasis
    stop_approach_percent: Percent
    reservation_ms: Milliseconds
    flatten_ms: Milliseconds
    mark_stale_ms: Milliseconds
    on_worker_lost: HoldOrFlatten
    zone: ZoneName
    roll: ClockTime
    point_values: PointValues
    config: Digest = ""
    account: NameOrNone = ""
    account_grace_ms: Milliseconds = 0
    account_tolerance: Dollars = ZERO
    account_silent_ms: Milliseconds = 0
    account_silence_denies: Flag = False
    start_balance: Dollars = ZERO
    start_peak: Dollars = ZERO
    equity_floor: Dollars = ZERO
    trailing_drawdown: Dollars = ZERO
    trailing_on_realized: Flag = False
    trailing_at: ClockTimeOrNone = ""
    trailing_zone: ZoneNameOrNone = ""
    trailing_locks_at: Dollars = ZERO
    profit_target: Dollars = ZERO
    profit_lock_at: Dollars = ZERO
    profit_lock_floor: Dollars = ZERO
    profit_lock_trail: Dollars = ZERO
    profit_denies_only: Flag = False
    profit_from_now: Flag = False
    consistency_percent: PercentOrNone = 0
    consistency_total: Dollars = ZERO
    weekly_loss: Dollars = ZERO
    weekly_profit: Dollars = ZERO
    rolling_loss: Dollars = ZERO
    rolling_days: DaysOrNone = 0
    rolling_pause_days: DaysOrNone = 0
    loss_tiers: LossTiers = ""
    max_forced_resumes: CountOrNone = ""
    mark_stale_denies: Flag = False
    mark_jumps: PointJumps = ""
    mark_confirm_seconds: SecondsOrNone = 0
    windows: Windows = ""
    marks_together_seconds: SecondsOrNone = 0
    max_request_contracts: RequestLimit = 0
    max_symbol_contracts: CountBySymbol = ""
    contract_weights: Weights = ""
    worker_positions: CountByName = ""
    worker_contracts: WeighedByName = ""
    worker_entries: CountByName = ""
    groups: Groups = ""
    group_positions: CountByName = ""
    group_contracts: WeighedByName = ""
    group_one_side: WeighedByName = ""
    contracts_ladder: Ladder = ""
    worker_daily_loss: DollarsByName = ""
    second: PersonOrNone = ""
    loss_budget: LossBudget = ""
    default_risk: DollarsEach = ""
    stop_costs: DollarsEach = ""
    max_entries: CountOfPace = 0
    max_entries_week: CountOfPace = 0
    worker_entries_week: CountByName = ""
    symbol_entries: NumberBySymbol = ""
    symbol_entries_week: NumberBySymbol = ""
    loss_streak: CountOfPace = 0
    loss_streak_minutes: CountOfPace = 0
    loss_streak_within: CountOfPace = 0
    worker_loss_streak: CountByName = ""
    worker_loss_streak_minutes: CountByName = ""
    worker_loss_streak_within: CountByName = ""
    symbol_loss_streak: NumberBySymbol = ""
    symbol_loss_streak_minutes: NumberBySymbol = ""
    symbol_loss_streak_within: NumberBySymbol = ""
    worker_rate: RateByName = ""
    worker_burst: CountByName = ""
    rate_repeats: CountOfPace = 0

    def __post_init__(self) -> None:
        if not (self.daily_stop_loss.is_finite() and self.daily_stop_loss > 0):
            raise ValueError("daily_stop_loss: expected more than 0 dollars")
        for name in ("account_tolerance", *_NOT_BELOW_ZERO):
            amount = getattr(self, name)
            if not (amount.is_finite() and amount >= 0):
                raise ValueError(f"{name}: expected no less than 0 dollars")
        missing = half_of_a_rule(self)
        if missing is not None:
            raise ValueError(f"{missing.field}: expected {missing.expected}")
        if self.second and _as_one_name(self.second) in ("", _as_one_name(self.by)):
            raise ValueError("second: expected the name of another person than by")
        symbols = self.symbols.split(" ")
        if len(set(symbols)) != len(symbols):
            raise ValueError("symbols: expected each symbol once")
        priced = [pair.partition("=") for pair in self.point_values.split(" ") if pair]
        if len({symbol for symbol, _, _ in priced}) != len(priced):
            raise ValueError("point_values: expected each symbol once")
        if not all(value.strip("0.") for _, _, value in priced):
            raise ValueError("point_values: expected more than 0 dollars a point")
        for name in ("reservation_ms", "flatten_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected more than 0 milliseconds")
        for name in ("zone", "trailing_zone"):
            _refuse_unknown_zone(name, getattr(self, name))


def _as_one_name(person: str) -> str:
    """Returns the name as it is compared: neither capitals nor blanks make another person."""
    return "".join(person.split()).casefold()


def _refuse_unknown_zone(name: str, zone: str) -> None:
    try:
        ZoneInfo(zone or "UTC")
    except (ValueError, KeyError, OSError) as unknown:
        raise ValueError(f"{name}: expected a time zone such as America/Chicago") from unknown
