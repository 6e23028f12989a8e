"""The words for many alerts as one: a burst in a line, and what could not be told in time."""

from collections.abc import Mapping
from datetime import datetime

from portfold.workers.notify.words.wording import Lines, at_clock

_MANY: dict[str, str] = {
    "entry_denied": "{count} entries denied: {group}",
    "entry_expired": "{count} entries expired: {group}",
    "event_rejected": "{count} events rejected: {group}",
    "entry_unregistered": "{count} entries of {group} granted, never registered",
    "mark_stale": "{count} marks are old",
    "pnl_disputed": "{count} P&L reports of {group} disputed",
    "worker_started": "{count} workers started",
    "worker_stopped": "{count} workers stopped",
    "position_adopted": "{count} positions adopted",
}


def many(kind: str, group: str, subjects: Mapping[str, int], first: datetime, last: datetime) -> str:
    """Alerts of one kind and group in a line: how many, of what, and from when to when."""
    count = sum(subjects.values())
    told = _MANY[kind].format(count=count, group=group)
    span = at_clock(first) if at_clock(first) == at_clock(last) else f"{at_clock(first)} to {at_clock(last)}"
    return f"{told} | {counted(subjects)} | {span}"


def counted(subjects: Mapping[str, int], at_most: int = 12) -> str:
    """`CL 8, ES 4`, the most frequent first; a count of one is not said."""
    ranked = most_first(subjects)
    named = [f"{name} {count}" if count > 1 else name for name, count in ranked[:at_most]]
    more = len(ranked) - at_most
    return ", ".join([*named, f"and {more} more"] if more > 0 else named)


STALE: dict[str, str] = {
    "stop_approaching": "Stop approaching",
    "flatten_handed_over": "Handed over to the flattener",
    "pnl_disputed": "P&L disputed",
    "mark_stale": "Marks old",
    "event_rejected": "Events rejected",
    "entry_unregistered": "Granted, never registered",
    "halted": "Halts",
    "resumed": "Resumes",
    "limits_changed": "Limits changed",
    "coordinator_started": "Coordinators started",
    "position_settled": "Positions settled",
    "worker_retired": "Workers retired",
    "loss_acknowledged": "Losses acknowledged",
    "trade_opened": "Trades opened",
    "trade_closed": "Trades closed",
    "entry_denied": "Entries denied",
    "entry_expired": "Entries expired",
    "position_adopted": "Positions adopted",
    "worker_started": "Workers started",
    "worker_stopped": "Workers stopped",
    "startup": "Notifier started",
}


def not_told_in_time(first: datetime, last: datetime) -> str:
    """The first line of a summary of what is stale."""
    until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"⏳ Not told in time, {first:%Y-%m-%d %H:%M:%S} to {until}:"


def one_stale(lines: Lines, when: datetime) -> str:
    """One alert of a summary by itself, in a line; its own last line, the time, comes first here."""
    told = [line for line in lines if not line.startswith("Time: ")]
    return f"{at_clock(when)} {' | '.join(told)}"


def stale_count(kind: str, groups: Mapping[str, int]) -> str:
    """How many of a kind a summary stands for, by group where there are any."""
    count = sum(groups.values())
    named = {group: number for group, number in groups.items() if group}
    by_group = ", ".join(f"{group} {number}" for group, number in most_first(named))
    return f"{STALE[kind]}: {count}{f' ({by_group})' if by_group else ''}"


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The greatest count first; of equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
