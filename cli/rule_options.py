"""The options of the rules that may be absent: the same for an order of limits and for a question about them.

Each is called as the limit; what it takes, the log says. 0, or nothing in quotes, is no such rule.
"""

from dataclasses import dataclass
from typing import Literal

from cyclopts import Parameter


@Parameter(name="*", group="Rules that may be absent")
@dataclass(frozen=True)
class RuleOptions:
    """The options of the rules that may be absent; docs/limits.md has what each means."""

    start_balance: str | None = None
    """Dollars of the account where its equity begins to count."""

    start_peak: str | None = None
    """Dollars of the highest equity up to there."""

    equity_floor: str | None = None
    """Dollars of equity at which all is closed, until a resume."""

    trailing_drawdown: str | None = None
    """Dollars below the peak at which all is closed."""

    trailing_on_realized: Literal["true", "false"] | None = None
    """Whether open profit is left out of peak and equity."""

    trailing_at: str | None = None
    """When the peak counts, once a day, as 16:00; else always."""

    trailing_zone: str | None = None
    """On whose clocks, as America/New_York."""

    trailing_locks_at: str | None = None
    """Dollars of equity above which the floor rises no more."""

    profit_target: str | None = None
    """Dollars of the day's profit at which it is over."""

    profit_lock_at: str | None = None
    """Dollars of the day's profit that arm the lock."""

    profit_lock_floor: str | None = None
    """Dollars to which the profit may not fall then."""

    profit_lock_trail: str | None = None
    """Dollars below the day's best to which it may not fall."""

    profit_denies_only: Literal["true", "false"] | None = None
    """Whether a target or lock denies entries and closes nothing."""

    profit_from_now: Literal["true", "false"] | None = None
    """Whether profit counts from this order on, not from the day's beginning."""

    consistency_percent: str | None = None
    """Percent of the total that one day may make."""

    consistency_total: str | None = None
    """Dollars of that total."""

    weekly_loss: str | None = None
    """Dollars lost since Monday at which all is closed."""

    weekly_profit: str | None = None
    """Dollars made since Monday at which the week is over."""

    rolling_loss: str | None = None
    """Dollars lost over some days at which entries pause."""

    rolling_days: str | None = None
    """Over how many trading days."""

    rolling_pause_days: str | None = None
    """For how many whole trading days after."""

    loss_tiers: str | None = None
    """As "50%=tell 1500=above:2 80%=deny 95%=flatten"."""

    mark_stale_denies: Literal["true", "false"] | None = None
    """Whether a position that is not marked any more denies entries."""

    mark_jumps: str | None = None
    """Points that a mark may jump without a second one, as "CL=1.5 ES=20"."""

    mark_confirm_seconds: str | None = None
    """Seconds within which the second one has to come."""

    windows: str | None = None
    """When nobody enters, or all is closed, as "mon-fri/close-10..close=flatten"."""

    marks_together_seconds: str | None = None
    """Seconds that a mark waits for the others of its moment."""

    loss_budget: Literal["", "default", "deny"] | None = None
    """Whether all stops together may not lose what ends the day, and how what names none counts."""

    default_risk: str | None = None
    """Dollars a contract that count where no stop is named, as "CL=400 ES=500"."""

    stop_costs: str | None = None
    """Dollars a contract of commission and slippage at a stop; by the contracts where nothing is said."""

    max_forced_resumes: str | None = None
    """How many resumes a day may be forced."""

    max_request_contracts: str | None = None
    """Contracts that one entry may ask for."""

    max_symbol_contracts: str | None = None
    """Contracts of each symbol, as 2 or "2 ES=4"."""

    contract_weights: str | None = None
    """How much a contract counts, as "MES=0.1 MNQ=0.1"."""

    worker_positions: str | None = None
    """Positions of each worker at once, as 1 or "1 ibs-ES=2"."""

    worker_contracts: str | None = None
    """Contracts of each worker at once, by weight."""

    worker_entries: str | None = None
    """Entries of each worker in a trading day."""

    groups: str | None = None
    """Groups of symbols, as "equities=ES,MES,NQ energy=CL,NG"."""

    group_positions: str | None = None
    """Positions in each group at once, as 2 or "2 energy=1"."""

    group_contracts: str | None = None
    """Contracts in each group at once, by weight."""

    group_one_side: str | None = None
    """Contracts in each group on one side, by weight."""

    contracts_ladder: str | None = None
    """Contracts by the equity of the day before, as "50000=2 55000=3"."""

    worker_daily_loss: str | None = None
    """Dollars that each worker may lose in a trading day before it alone is closed."""

    max_entries: str | None = None
    """Entries of the whole portfolio in a trading day."""

    max_entries_week: str | None = None
    """The same in a week, from Monday on."""

    worker_entries_week: str | None = None
    """Entries of each worker in a week, as 10 or "10 ibs-ES=5"."""

    symbol_entries: str | None = None
    """Entries in each symbol in a trading day, as 3 or "3 ES=5"."""

    symbol_entries_week: str | None = None
    """The same in a week."""

    loss_streak: str | None = None
    """Losing trades in a row after which nothing is entered."""

    loss_streak_minutes: str | None = None
    """For so many minutes; without, until a resume."""

    loss_streak_within: str | None = None
    """Counted are those of the last so many minutes, whatever was won between; without, those in a row."""

    worker_loss_streak: str | None = None
    """The same of each worker, as 3 or "3 ibs-ES=2"; it alone is closed."""

    worker_loss_streak_minutes: str | None = None
    """For so many minutes, as 30 or "30 ibs-ES=60"."""

    worker_loss_streak_within: str | None = None
    """Of its last so many minutes, as 60 or "60 ibs-ES=120"."""

    symbol_loss_streak: str | None = None
    """The same in each symbol, which alone is closed; 1 is a pause after every loss."""

    symbol_loss_streak_minutes: str | None = None
    """For so many minutes, as 15 or "15 CL=30"."""

    symbol_loss_streak_within: str | None = None
    """Of its last so many minutes, as 60 or "60 CL=120"."""

    worker_rate: str | None = None
    """Entries a minute of each worker, as 2 or "2 ibs-ES=0.5"."""

    worker_burst: str | None = None
    """How many of them at once."""

    rate_repeats: str | None = None
    """Denials by its rate in a trading day after which a worker is closed until a resume."""
