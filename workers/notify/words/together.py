"""The words for many alerts as one: a burst in a line, and what could not be delivered in time.

Guarantees: `counted_as` knows every kind of alert there is; mypy refuses a new one that it does not name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, assert_never

from portfold.config import AlertKind
from portfold.workers.notify.words.wording import Lines, at_clock


class Counted(NamedTuple):
    """What many alerts of a kind are called: in a summary; and at once, where they have groups."""

    heading: str
    burst: str = ""


def counted_as(kind: AlertKind) -> Counted | None:
    """Returns the words for many of a kind; None for a kind that is always sent singly."""
    match kind:
        case "stop_approaching":
            return Counted("Stop approaching")
        case "flatten_handed_over":
            return Counted("Handed over to the flattener")
        case "pnl_disputed":
            return Counted("P&L disputed", "{count} P&L reports of {group} disputed")
        case "mark_stale":
            return Counted("Marks old", "{count} marks are old")
        case "mark_doubted":
            return Counted("Marks that jumped", "{count} marks jumped")
        case "event_rejected":
            return Counted("Events rejected", "{count} events rejected: {group}")
        case "entry_unregistered":
            return Counted(
                "Granted, never registered", "{count} entries of {group} granted, never registered"
            )
        case "feed_troubled":
            return Counted("Market data troubled")
        case "feed_recovered":
            return Counted("Market data well again")
        case "market_gap":
            return Counted("Gaps in the market data")
        case "contract_rolled":
            return Counted("Contracts rolled", "{count} contracts rolled")
        case "window_opened":
            return Counted("Windows opened")
        case "window_closed":
            return Counted("Windows over")
        case "calendar_published":
            return Counted("Calendars published")
        case "locked_out":
            return Counted("Lockouts")
        case "lockout_over":
            return Counted("Lockouts over")
        case "halted":
            return Counted("Halts")
        case "resumed":
            return Counted("Resumes")
        case "limits_changed":
            return Counted("Limits changed")
        case "coordinator_started":
            return Counted("Coordinators started")
        case "position_settled":
            return Counted("Positions settled")
        case "account_settled":
            return Counted("Accounts settled")
        case "cash_moved":
            return Counted("Cash moved")
        case "account_agrees":
            return Counted("Account agrees again", "the account agrees again in {count}")
        case "account_heard":
            return Counted("Account reported again")
        case "worker_retired":
            return Counted("Workers retired")
        case "loss_acknowledged":
            return Counted("Losses acknowledged")
        case "trade_opened":
            return Counted("Trades opened")
        case "trade_closed":
            return Counted("Trades closed")
        case "entry_denied":
            return Counted("Entries denied", "{count} entries denied: {group}")
        case "entry_expired":
            return Counted("Entries expired", "{count} entries expired: {group}")
        case "position_adopted":
            return Counted("Positions adopted", "{count} positions adopted")
        case "worker_started":
            return Counted("Workers started", "{count} workers started")
        case "worker_stopped":
            return Counted("Workers stopped", "{count} workers stopped")
        case "startup":
            return Counted("Notifier started")
        case (
            "stop"
            | "flatten_ordered"
            | "flatten_overdue"
            | "flat"
            | "flat_unconfirmed"
            | "account_differs"
            | "account_silent"
            | "limit_breached"
            | "limit_reached"
            | "position_mismatch"
            | "worker_lost"
            | "log_lost"
            | "not_deciding"
            | "alerts_missed"
            | "stop_missing"
            | "feed_missing"
            | "day_summary"
            | "less_than_expected"
            | "weekly_signs"
        ):
            return None
    assert_never(kind)


def many(words: Counted, group: str, subjects: Mapping[str, int], first: datetime, last: datetime) -> str:
    """Alerts of one kind and group in a line: how many, of what, and from when to when."""
    count = sum(subjects.values())
    burst = words.burst.format(count=count, group=group)
    span = at_clock(last) if at_clock(first) == at_clock(last) else f"{first:%H:%M:%S} to {at_clock(last)}"
    return f"{burst} | {counted(subjects)} | {span}"


def counted(subjects: Mapping[str, int], at_most: int = 12) -> str:
    """`CL 8, ES 4`, the most frequent first; a count of one is not said."""
    ranked = most_first(subjects)
    named = [f"{name} {count}" if count > 1 else name for name, count in ranked[:at_most]]
    more = len(ranked) - at_most
    return ", ".join([*named, f"and {more} more"] if more > 0 else named)


def not_told_in_time(first: datetime, last: datetime) -> str:
    """Returns the first line of a summary of what is stale."""
    until = at_clock(last) if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S %Z}"
    return f"⏳ Not told in time, {first:%Y-%m-%d %H:%M:%S} to {until}:"


def one_stale(lines: Lines, when: datetime) -> str:
    """Words one alert of a summary by itself, in a line; its own last line, the time, comes first here."""
    kept = [line for line in lines if not line.startswith("Time: ")]
    return f"{at_clock(when)} {' | '.join(kept)}"


def stale_count(words: Counted, groups: Mapping[str, int]) -> str:
    """Returns how many of a kind a summary stands for, by group where there are any."""
    count = sum(groups.values())
    named = {group: number for group, number in groups.items() if group}
    by_group = ", ".join(f"{group} {number}" for group, number in most_first(named))
    return f"{words.heading}: {count}{f' ({by_group})' if by_group else ''}"


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Returns the greatest count first; of equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
