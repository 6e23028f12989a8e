"""portfolio_optimization.json: the limits the optimizer chose, and what it expected of them.

The shape is the one its users have. Unknown keys are tolerated, since exporters add notes of their own; but
one inside `portfolio_constraints` or `expected_performance` comes back as a warning: a limit that nobody
reads is worse than none, and a misspelt figure is missed by whoever holds live results against it.
Money is taken from the digits in the file, never through a float. Of `portfolio_constraints` the rules of
money are optional; each is called as the limit on the log, and docs/limits.md has what it means.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct

from portfold.bounds import (
    CLOCK_TIME,
    COUNT,
    DOLLARS_EACH,
    GROUP,
    LONGEST_NAME,
    LOSS,
    MOST_CONFIRM_SECONDS,
    MOST_CONTRACTS,
    MOST_COUNT,
    MOST_DAYS,
    MOST_GROUPS,
    MOST_NAMED,
    MOST_PERCENT,
    MOST_POSITIONS,
    MOST_STEPS,
    MOST_SYMBOLS,
    MOST_TIERS,
    MOST_WINDOWS,
    NAME_LETTERS,
    POINTS,
    STEP,
    SYMBOL,
    TIER,
    WEIGHED,
    WEIGHT,
    WINDOW,
)
from portfold.config.errors import UnfitError
from portfold.config.reading import UnknownKey, read_tolerant
from portfold.config.rules import (
    Approximate,
    Distinct,
    Exact,
    NumberOrText,
    Options,
    Symbol,
    Text,
    Whole,
    YesOrNo,
    Zone,
)
from portfold.config.strict_json import read_json
from portfold.dollars import ZERO
from portfold.whole_rules import expected_of_tiers, half_of_a_rule

_SAID = ("portfolio_constraints.", "expected_performance.")
_NOTES = frozenset(
    f"expected_performance.{name}"
    for name in (
        "sharpe_ratio_is",
        "total_return_dollars",
        "breach_periods",
        "pct_time_in_breach",
        "profit_factor",
        "avg_positions",
        "trades_on_training_bars",
        "filters_out_of_sample",
    )
)
"""What `portfold research export` writes there besides, for people."""
_MEASURED = Approximate(Decimal(-1_000_000_000), Decimal(1_000_000_000))
_DRAWDOWN = Exact(Decimal(-1_000_000_000), Decimal(1_000_000_000), decimals=30, unit="dollars")
_COUNT = Whole(0, 1_000_000_000)


_DOLLARS = Exact(ZERO, Decimal("999999999.99"), 2, "dollars")
_JUMPS = Text(
    rf"(?:{SYMBOL}={POINTS}(?: {SYMBOL}={POINTS}){{0,{MOST_SYMBOLS - 1}}})?",
    "points a mark may jump by symbol, such as CL=1.5 ES=20",
)
_DOLLARS_EACH = Text(
    rf"(?:{SYMBOL}={DOLLARS_EACH}(?: {SYMBOL}={DOLLARS_EACH}){{0,{MOST_SYMBOLS - 1}}})?",
    "dollars a contract by symbol, such as CL=400 ES=500",
)
_BUDGET = Text(r"(?:default|deny)?", "default or deny, what becomes of an entry that names no stop")
_DAYS = Whole(0, MOST_DAYS, "trading days")
_TIERS = Text(
    rf"(?:{TIER}(?: {TIER}){{0,{MOST_TIERS - 1}}})?",
    f"up to {MOST_TIERS} tiers such as 50%=tell 1500=above:2 80%=deny 95%=flatten",
)
_REQUEST = Whole(0, MOST_CONTRACTS, "contracts")
_NAME = rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}"


def _listed(item: str, most: int) -> str:
    return rf"(?:{item}(?: {item}){{0,{most - 1}}})?"


_COUNT_BY_SYMBOL = NumberOrText(
    _listed(rf"(?:{SYMBOL}=)?{COUNT}", MOST_NAMED),
    "contracts for each symbol, and for those with a number of their own, such as 2 or 2 ES=4",
)
_NUMBER_BY_SYMBOL = NumberOrText(
    _listed(rf"(?:{SYMBOL}=)?{COUNT}", MOST_NAMED),
    "a whole number for each symbol, and for those with their own, such as 2 or 2 ES=4",
)
_RATE_BY_NAME = NumberOrText(
    _listed(rf"(?:{_NAME}=)?{WEIGHED}", MOST_NAMED),
    "entries a minute for each, and for those with their own, such as 2 or 2 ibs-ES=0.5",
)
_COUNT_BY_NAME = NumberOrText(
    _listed(rf"(?:{_NAME}=)?{COUNT}", MOST_NAMED),
    "a whole number for each, and for those with their own, such as 2 or 2 ibs-ES=4",
)
_WEIGHED_BY_NAME = NumberOrText(
    _listed(rf"(?:{_NAME}=)?{WEIGHED}", MOST_NAMED),
    "contracts by weight for each, and for those with their own, such as 2 or 2 ibs-ES=1.5",
)
_DOLLARS_BY_NAME = NumberOrText(
    _listed(rf"(?:{_NAME}=)?{LOSS}", MOST_NAMED),
    "dollars for each, and for those with their own, such as 500 or 500 ibs-ES=800",
)
_WEIGHTS = Text(_listed(f"{SYMBOL}={WEIGHT}", MOST_SYMBOLS), "how much a contract counts, such as MES=0.1")
_GROUPS = Text(_listed(GROUP, MOST_GROUPS), "groups of symbols, such as equities=ES,MES,NQ energy=CL,NG")
_LADDER = Text(_listed(STEP, MOST_STEPS), "steps of contracts by equity, such as 50000=2 55000=3")
_WINDOWS = Text(
    rf"(?:{WINDOW}(?: {WINDOW}){{0,{MOST_WINDOWS - 1}}})?",
    f"up to {MOST_WINDOWS} weekly windows such as "
    "mon-fri/close-10..close=flatten wed/09:30-2..09:30+5=deny:CL,ES fri/12:00..close=flatten:energy",
)


class ConfiguredRules(Struct, frozen=True, kw_only=True):
    """The rules of money, each at what it is where it is absent."""

    start_balance: Annotated[Decimal, _DOLLARS] = ZERO
    start_peak: Annotated[Decimal, _DOLLARS] = ZERO
    equity_floor: Annotated[Decimal, _DOLLARS] = ZERO
    trailing_drawdown: Annotated[Decimal, _DOLLARS] = ZERO
    trailing_on_realized: Annotated[bool, YesOrNo()] = False
    trailing_at: Annotated[str, Text(rf"(?:{CLOCK_TIME})?", "a time of day such as 16:00")] = ""
    trailing_zone: Annotated[str, Zone()] = ""
    trailing_locks_at: Annotated[Decimal, _DOLLARS] = ZERO
    profit_target: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_at: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_floor: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_trail: Annotated[Decimal, _DOLLARS] = ZERO
    profit_denies_only: Annotated[bool, YesOrNo()] = False
    profit_from_now: Annotated[bool, YesOrNo()] = False
    consistency_percent: Annotated[int, Whole(0, MOST_PERCENT, "percent")] = 0
    consistency_total: Annotated[Decimal, _DOLLARS] = ZERO
    weekly_loss: Annotated[Decimal, _DOLLARS] = ZERO
    weekly_profit: Annotated[Decimal, _DOLLARS] = ZERO
    rolling_loss: Annotated[Decimal, _DOLLARS] = ZERO
    rolling_days: Annotated[int, _DAYS] = 0
    rolling_pause_days: Annotated[int, _DAYS] = 0
    loss_tiers: Annotated[str, _TIERS] = ""
    mark_stale_denies: Annotated[bool, YesOrNo()] = False
    mark_jumps: Annotated[str, _JUMPS] = ""
    mark_confirm_seconds: Annotated[int, Whole(0, MOST_CONFIRM_SECONDS, "seconds")] = 0
    windows: Annotated[str, _WINDOWS] = ""
    marks_together_seconds: Annotated[int, Whole(0, MOST_CONFIRM_SECONDS, "seconds")] = 0
    loss_budget: Annotated[str, _BUDGET] = ""
    default_risk: Annotated[str, _DOLLARS_EACH] = ""
    stop_costs: Annotated[str, _DOLLARS_EACH] = ""
    max_forced_resumes: Annotated[int, Whole(0, 999, "resumes")] | None = None
    max_request_contracts: Annotated[int, _REQUEST] = 0
    max_symbol_contracts: Annotated[str, _COUNT_BY_SYMBOL] = ""
    contract_weights: Annotated[str, _WEIGHTS] = ""
    worker_positions: Annotated[str, _COUNT_BY_NAME] = ""
    worker_contracts: Annotated[str, _WEIGHED_BY_NAME] = ""
    worker_entries: Annotated[str, _COUNT_BY_NAME] = ""
    groups: Annotated[str, _GROUPS] = ""
    group_positions: Annotated[str, _COUNT_BY_NAME] = ""
    group_contracts: Annotated[str, _WEIGHED_BY_NAME] = ""
    group_one_side: Annotated[str, _WEIGHED_BY_NAME] = ""
    contracts_ladder: Annotated[str, _LADDER] = ""
    worker_daily_loss: Annotated[str, _DOLLARS_BY_NAME] = ""
    max_entries: Annotated[int, Whole(0, MOST_COUNT, "entries")] = 0
    max_entries_week: Annotated[int, Whole(0, MOST_COUNT, "entries")] = 0
    worker_entries_week: Annotated[str, _COUNT_BY_NAME] = ""
    symbol_entries: Annotated[str, _NUMBER_BY_SYMBOL] = ""
    symbol_entries_week: Annotated[str, _NUMBER_BY_SYMBOL] = ""
    loss_streak: Annotated[int, Whole(0, MOST_COUNT, "losing trades")] = 0
    loss_streak_minutes: Annotated[int, Whole(0, MOST_COUNT, "minutes")] = 0
    loss_streak_within: Annotated[int, Whole(0, MOST_COUNT, "minutes")] = 0
    worker_loss_streak: Annotated[str, _COUNT_BY_NAME] = ""
    worker_loss_streak_minutes: Annotated[str, _COUNT_BY_NAME] = ""
    worker_loss_streak_within: Annotated[str, _COUNT_BY_NAME] = ""
    symbol_loss_streak: Annotated[str, _NUMBER_BY_SYMBOL] = ""
    symbol_loss_streak_minutes: Annotated[str, _NUMBER_BY_SYMBOL] = ""
    symbol_loss_streak_within: Annotated[str, _NUMBER_BY_SYMBOL] = ""
    worker_rate: Annotated[str, _RATE_BY_NAME] = ""
    worker_burst: Annotated[str, _COUNT_BY_NAME] = ""
    rate_repeats: Annotated[int, Whole(0, MOST_COUNT, "denials")] = 0

    def __post_init__(self) -> None:
        missing = half_of_a_rule(self)
        if missing is not None:
            raise UnfitError(missing.expected, str(getattr(self, missing.field)), field=missing.field)

    def chosen(self) -> dict[str, Any]:
        """Returns those that are there, by their keys."""
        absent = ConfiguredRules()
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in given.items() if value != getattr(absent, name)}


class ExpectedPerformance(Struct, frozen=True):
    """What the optimizer measured on its data; for reports, no rule depends on it. None: not given."""

    sharpe_ratio: Annotated[float, _MEASURED] | None = None
    cagr: Annotated[float, _MEASURED] | None = None  # a fraction a year: 0.844 is 84.4 %
    max_drawdown_dollars: Annotated[Decimal, _DRAWDOWN] | None = None
    breach_events: Annotated[int, _COUNT] | None = None
    daily_stops_hit: Annotated[int, _COUNT] | None = None


class ConfiguredPortfolio(Struct, frozen=True):
    """The limits of the portfolio.

    `max_positions`: how many positions may be open at once. `daily_stop_loss`: dollars, positive; the day
    is over when it has lost this much. `symbols`: what may be traded, in the file's order. `rules`: those of
    money that may be absent. `profile`: whose rules these are, where they were read and when, if it is known.
    `unknown_keys`: paths of the keys in the file that nothing reads; `warnings`: a sentence for each of
    them that stands among the limits, or among the expectations without being one that exports write.
    """

    max_positions: int
    daily_stop_loss: Decimal
    symbols: tuple[str, ...]
    rules: ConfiguredRules = ConfiguredRules()
    expected_performance: ExpectedPerformance | None = None
    unknown_keys: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    profile: Mapping[str, Any] | None = None


class Constraints(ConfiguredRules, frozen=True, kw_only=True):
    """What the file says in `portfolio_constraints`."""

    max_positions: Annotated[int, Whole(1, MOST_POSITIONS, "positions")]
    daily_stop_loss: Annotated[Decimal, Exact(Decimal("0.01"), Decimal("999999999.99"), 2, "dollars")]
    symbols: Annotated[tuple[Symbol, ...], Distinct(1, MOST_SYMBOLS, "symbols")]

    def __post_init__(self) -> None:
        super().__post_init__()
        expected = expected_of_tiers(self.loss_tiers, self.daily_stop_loss)
        if expected is not None:
            raise UnfitError(expected, self.loss_tiers, field="loss_tiers")


class _File(Struct, frozen=True):
    portfolio_constraints: Constraints
    expected_performance: ExpectedPerformance | None = None
    profile: Annotated[Mapping[str, Any], Options()] | None = None


def read_portfolio(path: Path) -> ConfiguredPortfolio:
    """Reads the portfolio in `path`. Raises ConfigError if it cannot be read or a value is out of bounds."""
    file, unknown = read_tolerant(_File, read_json(path), path)
    limits = file.portfolio_constraints
    return ConfiguredPortfolio(
        max_positions=limits.max_positions,
        daily_stop_loss=limits.daily_stop_loss,
        symbols=limits.symbols,
        rules=ConfiguredRules(**{name: getattr(limits, name) for name in ConfiguredRules.__struct_fields__}),
        expected_performance=file.expected_performance,
        unknown_keys=tuple(key.path for key in unknown),
        warnings=tuple(
            _warning(path, key) for key in unknown if key.path.startswith(_SAID) and key.path not in _NOTES
        ),
        profile=file.profile,
    )


def loaded_line(portfolio: ConfiguredPortfolio) -> str:
    """Returns the line that operators look for at startup."""
    limit = portfolio.daily_stop_loss
    dollars = f"{limit:.0f}" if limit == limit.to_integral_value() else f"{limit:.2f}"
    return (
        f"Portfolio optimization config loaded: max_positions={portfolio.max_positions}, "
        f"daily_stop_loss=${dollars}, optimized_symbols={', '.join(portfolio.symbols)}"
    )


def _warning(path: Path, key: UnknownKey) -> str:
    meant = f"; was {key.nearest} meant?" if key.nearest else "."
    return f"{path}: {key.path} is no known key and has no effect{meant}"
