"""The same log with every rule in force that may be absent, each too far off to decide anything."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from benchmarks.measuring.realistic_log import LogEntry
from portfold.events.codec import decode_event, encode
from portfold.events.limits_changed import LimitsChanged

_FAR = Decimal(900_000_000)


def with_every_rule(log: Sequence[LogEntry]) -> list[LogEntry]:
    """Returns the entries with all rules in the orders of limits; the others as they are."""
    return [_with_all(entry) for entry in log]


def _with_all(entry: LogEntry) -> LogEntry:
    event = decode_event(entry.fields) if LimitsChanged.__name__ in entry.fields else None
    return LogEntry(entry.id, encode(_all_of(event))) if isinstance(event, LimitsChanged) else entry


def _all_of(limits: LimitsChanged) -> LimitsChanged:
    each = limits.symbols.split(" ")
    return replace(
        limits,
        start_balance=_FAR,
        start_peak=_FAR,
        equity_floor=Decimal(1),
        trailing_drawdown=_FAR / 2,
        trailing_locks_at=_FAR,
        profit_target=_FAR,
        profit_lock_at=_FAR,
        profit_lock_floor=Decimal(1),
        consistency_percent=99,
        consistency_total=_FAR,
        weekly_loss=_FAR,
        weekly_profit=_FAR,
        rolling_loss=_FAR,
        rolling_days=5,
        rolling_pause_days=1,
        loss_tiers="100%=deny",
        max_forced_resumes="9",
        mark_stale_denies=True,
        mark_jumps=" ".join(f"{symbol}=100000" for symbol in each),
        mark_confirm_seconds=30,
        windows="sat/10:00..11:00=deny",
        max_request_contracts=100,
        max_symbol_contracts="100",
        contract_weights=" ".join(f"{symbol}=1" for symbol in each),
        worker_positions="50",
        worker_contracts="100",
        worker_entries="9999",
        worker_daily_loss="900000",
        max_entries=9999,
        max_entries_week=9999,
        worker_entries_week="9999",
        symbol_entries="9999",
        symbol_entries_week="9999",
        loss_streak=9999,
        loss_streak_minutes=1,
        worker_loss_streak="9999",
        symbol_loss_streak="9999",
        worker_rate="9999",
        worker_burst="9999",
        rate_repeats=9999,
        groups=f"all={','.join(each)}",
        group_positions="50",
        group_contracts="100",
        group_one_side="100",
        contracts_ladder="1=100",
        loss_budget="default",
        default_risk=" ".join(f"{symbol}=1" for symbol in each),
        stop_costs=" ".join(f"{symbol}=1" for symbol in each),
    )
