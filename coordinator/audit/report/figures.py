"""The figures of a report for programs: what `portfold audit day --json` prints. docs/audit.md lists them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import to_builtins

from portfold.coordinator.audit.report.day_account import DayAccount, rate
from portfold.coordinator.audit.report.days import Gathered, begins_ms
from portfold.coordinator.audit.report.tallies import ResultTally, all_together, by_symbol, by_worker
from portfold.coordinator.audit.report.warning_signs import signs
from portfold.dollars import ZERO

Figures = dict[str, Any]


def figures(found: Gathered, portfolio: str) -> Figures:
    """Returns dollars as exact decimals, rates as fractions, times as milliseconds of the log's clock."""
    return {
        "portfolio": portfolio,
        "days": [_day(account) for account in found.accounts],
        "total": _total(found.accounts),
        "by_symbol": [_tally(account) for account in by_symbol(found.accounts)],
        "by_worker": [_tally(account) for account in by_worker(found.accounts)],
        "signs": to_builtins([*signs(found.accounts), *([found.beside] if found.beside else [])]),
        "events": found.events,
        "decisions": found.decisions,
        "cursor": found.cursor,
        "chain": found.chain,
        "difference": found.difference,
    }


def _day(account: DayAccount) -> Figures:
    limits = account.limits
    return {
        "day": account.day,
        "begins_ms": begins_ms(account),
        "ends_ms": account.ends_ms,
        "zone": limits.zone if limits else None,
        "over": account.over,
        "halted": account.halted,
        "pnl": account.pnl,
        "realized": account.realized,
        "worst_pnl": account.worst,
        "best_pnl": account.best,
        "daily_stop_loss": limits.daily_stop_loss if limits else None,
        "limit_used": _rounded(account.used),
        "max_positions": limits.max_positions if limits else None,
        "most_open": account.most_open,
        "stops": account.stops,
        "stops_in_week": account.stops_in_week,
        **_requests(account.asked, account.blocked),
        "denied_by_code": dict(account.denied.most_common()),
        "expired": account.expired,
        "breaches": dict(account.breaches),
        "limits_reached": dict(account.reached),
        "crossed": account.crossed,
        "rejected": account.rejected,
        "account_differed": dict(account.account_differed),
        "account_silences": account.account_silences,
        **{
            name: to_builtins(getattr(account, name), builtin_types=(Decimal,))
            for name in ("above", "trades", "bookings", "held", "flattenings", "orders", "changes")
        },
    }


def _total(accounts: Sequence[DayAccount]) -> Figures:
    asked, blocked = sum(account.asked for account in accounts), sum(account.blocked for account in accounts)
    tally = all_together(accounts)
    return {
        "pnl": sum((account.pnl for account in accounts), ZERO),
        "stops": sum(account.stops for account in accounts),
        "trades": tally.trades,
        "won": tally.won,
        **_requests(asked, blocked),
    }


def _requests(asked: int, blocked: int) -> Figures:
    block_rate = _rounded(rate(blocked, asked))
    return {"asked": asked, "allowed": asked - blocked, "denied": blocked, "block_rate": block_rate}


def _tally(tally: ResultTally) -> Figures:
    found: Figures = to_builtins(tally, builtin_types=(Decimal,))
    return found | {"win_rate": _rounded(tally.win_rate), "block_rate": _rounded(tally.block_rate)}


def _rounded(share: Decimal | None) -> float | None:
    return None if share is None else round(float(share), 4)
