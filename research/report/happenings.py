"""Reports events besides trading: stops and their flattening, orders, changed limits, unusual lines of the
log."""

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
    """Writes each flattening of the day, step by step."""
    return "".join(_flattening(flattening, account, zone) for flattening in account.flattenings)


def _flattening(flattening: Flattening, account: DayAccount, zone: str) -> str:
    began = clock(flattening.began_ms, zone, account.day)
    if flattening.triggered is not None:
        stopped = clock(flattening.triggered.ms, zone, account.day)
        reached = f"{shown(flattening.triggered.daily_pnl)} of {shown_limit(-flattening.triggered.limit)}"
        title = f"Stopped out {stopped} at {reached}"
    else:
        title = f"Flattened {began}: {flattening.cause}"
    ended = "not ended" if flattening.took_ms is None else f"flat after {flattening.took_ms:,} ms"
    open_positions = flattening.triggered.open_positions if flattening.triggered else None
    held = f"{counted(open_positions, 'position')} open, " if open_positions is not None else ""
    due = f"{held}{ended}; allowed were {flattening.deadline_ms - flattening.began_ms:,} ms"
    span_ms = max(1, flattening.steps[-1].ms - flattening.began_ms) if flattening.steps else 1
    steps = "".join(_step(step, flattening, span_ms, zone, account.day) for step in flattening.steps)
    late = (
        " late"
        if flattening.took_ms is None or any(step.kind == "overdue" for step in flattening.steps)
        else ""
    )
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
    """Writes the limits in force when the day began, and their changes during it."""
    if account.limits is None:
        return '<p class="note">No limits were in force.</p>'
    named = limits_named(account.limits)
    rows = [
        [words(name, "name"), words(_with_unit(name, value))]
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
            *(words(_with_unit(name, before)), words(_with_unit(name, after))),
            *(words(change.by), words(change.reason)),
        ]
        for change in account.changes
        for name, before, after in change.changes
    ]
    return table("Limits changed during the day", heads, rows)


def _with_unit(name: str, value: str) -> str:
    """Writes a limit's value with its unit."""
    if name == "daily_stop_loss":
        return shown_limit(Decimal(value))
    if name.endswith("_ms"):
        return f"{int(value) / 1000:,.12g} s" if int(value) else "off"
    return f"{value}%" if name.endswith("_percent") else value


def orders(account: DayAccount, zone: str) -> str:
    """Writes halts, resumes and all other orders of an operator."""
    heads = [*map(words, ("At", "Order", "By", "Why"))]
    rows = [
        [
            words(clock(order.ms, zone, account.day), "when"),
            words(f"{order.kind}, refused" if order.refused else order.kind, "name"),
            words(order.by),
            words(f"{order.reason} ({order.refused})" if order.refused else order.reason),
        ]
        for order in account.orders
    ]
    return table("Orders", heads, rows)


def unusual_lines(account: DayAccount, zone: str) -> str:
    """Writes the lines of the coordinator's log that are out of the ordinary."""
    heads = [words("At"), words("Level"), words("What")]
    rows: Sequence[Sequence[Cell]] = [
        [
            words(clock(logged.ms, zone, account.day), "when"),
            words(logged.line.level, f"level {logged.line.level}"),
            words(logged.line.text),
        ]
        for logged in account.lines
    ]
    left_out = f"And {counted(account.lines_left_out, 'line')} more." if account.lines_left_out else ""
    return table("Out of the ordinary", heads, rows, note=left_out)


def session(begins_ms: int, ends_ms: int, zone: str) -> str:
    """Writes `Fri 10 Jan 17:00 to Mon 13 Jan 17:00, America/Chicago`."""
    return f"{moment(begins_ms, zone)} to {moment(ends_ms, zone)}, {zone}"
