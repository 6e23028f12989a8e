"""What happened besides trading: stops and how they were flattened, orders, other limits, what was odd."""

from collections.abc import Sequence
from decimal import Decimal

from portfold.coordinator.audit.report.day_account import DayAccount, Flattening, Step
from portfold.coordinator.fold.limits import limits_named
from portfold.dollars import shown, shown_limit
from portfold.research.report.table import Cell, table, words
from portfold.research.report.wording import clock, counted, moment, text

_NOT_SHOWN = ("zone", "roll", "point_values")
_SIGNS = {
    "triggered": "⬢",
    "ordered": "▶",
    "handed over": "⇄",
    "closed": "●",
    "overdue": "▲",
    "flat": "✓",
}


def flattenings(account: DayAccount, zone: str) -> str:
    """Each flattening of the day, step by step, the stops first of all."""
    return "".join(_flattening(one, account, zone) for one in account.flattenings)


def _flattening(one: Flattening, account: DayAccount, zone: str) -> str:
    began = clock(one.began_ms, zone, account.day)
    if one.triggered is not None:
        stopped = clock(one.triggered.ms, zone, account.day)
        reached = f"{shown(one.triggered.daily_pnl)} of {shown_limit(-one.triggered.limit)}"
        title = f"Stopped out {stopped} at {reached}"
    else:
        title = f"Flattened {began}: {one.cause}"
    ended = "not ended" if one.took_ms is None else f"flat after {one.took_ms:,} ms"
    open_positions = one.triggered.open_positions if one.triggered else None
    held = f"{counted(open_positions, 'position')} open, " if open_positions is not None else ""
    due = f"{held}{ended}; allowed were {one.deadline_ms - one.began_ms:,} ms"
    span_ms = max(1, one.steps[-1].ms - one.began_ms) if one.steps else 1
    steps = "".join(_step(step, one, span_ms, zone, account.day) for step in one.steps)
    late = " late" if one.took_ms is None or any(step.kind == "overdue" for step in one.steps) else ""
    return (
        f'<section class="flattening{late}"><h3>{text(title)}</h3><p class="note">{text(due)}</p>'
        f"<ol>{steps}</ol></section>"
    )


def _step(step: Step, flattening: Flattening, span_ms: int, zone: str, day: str) -> str:
    after_ms = step.ms - flattening.began_ms
    left, when = 100 * after_ms / span_ms, clock(step.ms, zone, day, exactly=True)
    return (
        f'<li class="{step.kind.replace(" ", "-")}"><time>{text(when)}</time>'
        f'<span class="after">+{after_ms:,} ms</span>'
        f'<span class="track"><span style="left:{left:.1f}%">{_SIGNS[step.kind]}</span></span>'
        f"<span><b>{text(step.kind)}</b> {text(step.text)}</span></li>"
    )


def limits(account: DayAccount, zone: str) -> str:
    """The limits in force when the day began, and what was changed during it."""
    if account.limits is None:
        return '<p class="note">No limits were in force.</p>'
    named = limits_named(account.limits)
    rows = [
        [words(name, "name"), words(_told(name, value))]
        for name, value in named.items()
        if name not in _NOT_SHOWN
    ]
    by = f"By {account.limits.by}: {account.limits.reason}"
    in_force = table("Limits in force", [words("Limit"), words("Value")], rows, note=by)
    return f'<div class="pair">{in_force}<div>{_changes(account, zone)}{orders(account, zone)}</div></div>'


def _changes(account: DayAccount, zone: str) -> str:
    heads = [*map(words, ("At", "Limit", "Before", "After", "By", "Why"))]
    rows = [
        [
            words(clock(change.ms, zone, account.day), "when"),
            words(name, "name"),
            *(words(_told(name, before)), words(_told(name, after))),
            *(words(change.by), words(change.reason)),
        ]
        for change in account.changes
        for name, before, after in change.changes
    ]
    return table("Limits changed during the day", heads, rows)


def _told(name: str, value: str) -> str:
    """A limit's value with its unit."""
    if name == "daily_stop_loss":
        return shown_limit(Decimal(value))
    if name.endswith("_ms"):
        return f"{int(value) / 1000:,.12g} s" if int(value) else "off"
    return f"{value}%" if name.endswith("_percent") else value


def orders(account: DayAccount, zone: str) -> str:
    """Halts, resumes and whatever else an operator ordered."""
    heads = [*map(words, ("At", "Order", "By", "Why"))]
    rows = [
        [
            words(clock(one.ms, zone, account.day), "when"),
            words(f"{one.kind}, refused" if one.refused else one.kind, "name"),
            words(one.by),
            words(f"{one.reason} ({one.refused})" if one.refused else one.reason),
        ]
        for one in account.orders
    ]
    return table("Orders", heads, rows)


def odd_lines(account: DayAccount, zone: str) -> str:
    """What the coordinator's log said that is out of the ordinary."""
    heads = [words("At"), words("Level"), words("What")]
    rows: Sequence[Sequence[Cell]] = [
        [
            words(clock(told.ms, zone, account.day), "when"),
            words(told.line.level, f"level {told.line.level}"),
            words(told.line.text),
        ]
        for told in account.lines
    ]
    left_out = f"And {counted(account.lines_left_out, 'line')} more." if account.lines_left_out else ""
    return table("Out of the ordinary", heads, rows, note=left_out)


def session(begins_ms: int, ends_ms: int, zone: str) -> str:
    """`Fri 10 Jan 17:00 to Mon 13 Jan 17:00, America/Chicago`."""
    return f"{moment(begins_ms, zone)} to {moment(ends_ms, zone)}, {zone}"
