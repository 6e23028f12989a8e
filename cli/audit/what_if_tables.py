"""The figures of a what-if: both books side by side, by day and in total, a sweep, and what is unknown."""

import textwrap
from collections.abc import Container, Iterator, Sequence
from decimal import Decimal

from portfold.coordinator.audit.what_if.findings import DayFigures, DayOver
from portfold.coordinator.audit.what_if.overrides import Overrides, shown_value
from portfold.coordinator.audit.what_if.sweep import Point, Range
from portfold.coordinator.audit.what_if.tally import Tally
from portfold.dollars import shown

_COLUMNS = 80
_CONTRACTS_STAY = (
    "max_contracts is as recorded, and may deny what max_positions would allow. To ask for both:"
)
_SWEEP_HEAD = f"{'allow':>7}{'deny':>7}{'trades':>7}{'P&L':>13}{'stops':>6}{'worst day':>12}{'unknown':>8}"
_DAY_HEAD = f"{'allow':>6}{'deny':>5}{'trades':>7}{'P&L':>11}  "


def question_lines(overrides: Overrides, tally: Tally, read_from: str) -> Iterator[str]:
    """`What if max_positions were 3 in place of 4, and daily_stop_loss $2,000 in place of $2,500?`"""
    clauses = []
    for name, value in overrides.values.items():
        seen = ", then ".join(shown_value(one) for one in tally.in_place_of.get(name, []))
        clauses.append(f"{name} were {shown_value(value)}" + (f" in place of {seen}" if seen else ""))
    yield from _wrapped(f"What if {', and '.join(clauses)}?")
    yield f"Read from {read_from}."


def turned_line(tally: Tally) -> str:
    """Says how many decisions and stops change."""
    if not tally.turned:
        return "Nothing changes."
    counts = [
        *([f"{_counted(tally.denied.total(), 'entry', 'entries')} denied"] if tally.denied else []),
        *([f"{_counted(tally.allowed.total(), 'entry', 'entries')} allowed"] if tally.allowed else []),
        *([f"{_counted(tally.stops_go, 'stop')} gone"] if tally.stops_go else []),
        *([f"{_counted(tally.stops_come, 'stop')} more"] if tally.stops_come else []),
    ]
    return f"Changed: {', '.join(counts)}."


# --- days -----------------------------------------------------------------------------------------------


def day_lines(days: Sequence[DayOver]) -> Iterator[str]:
    """Yields a line for each day."""
    yield f"{'':<16}{'recorded':^31}{'what if':^31}".rstrip()
    yield f"{'day':<10}{'asked':>6}{_DAY_HEAD}{_DAY_HEAD}".rstrip()
    for day in days:
        other = f"{_day(day.what_if)}{'?' if day.unknown else ''}"
        yield f"{day.day:<10}{day.recorded.asked:>6}{_day(day.recorded)}{other}".rstrip()
    marks = [
        *(["S stopped out"] if any(day.recorded.stops or day.what_if.stops for day in days) else []),
        *(["? with entries whose outcome is unknown"] if any(day.unknown for day in days) else []),
        *(["the last day is not over"] if days and not days[-1].over else []),
    ]
    if marks:
        yield f"{'; '.join(marks)}"


def _day(figures: DayFigures) -> str:
    stopped = "S" if figures.stops else " "
    return f"{figures.allowed:>6}{figures.denied:>5}{figures.trades:>7}{figures.pnl:>11,.2f} {stopped}"


# --- totals ---------------------------------------------------------------------------------------------


def total_lines(tally: Tally) -> Iterator[str]:
    """Yields the totals of both books, and their differences."""
    recorded, other = tally.recorded, tally.what_if
    yield f"{'':<22}{'recorded':>18}{'what if':>18}{'difference':>18}"
    counts = [
        ("entries asked", recorded.figures.asked, other.figures.asked),
        ("entries allowed", recorded.figures.allowed, other.figures.allowed),
        ("entries denied", recorded.figures.denied, other.figures.denied),
        ("trades", recorded.figures.trades, other.figures.trades),
        ("stops", recorded.figures.stops, other.figures.stops),
    ]
    for name, was, would_be in counts:
        yield f"{name:<22}{was:>18,}{would_be:>18,}{_signed(would_be - was):>18}".rstrip()
    amounts = [
        ("P&L", recorded.figures.pnl, other.figures.pnl),
        ("P&L of the worst day", recorded.worst_pnl, other.worst_pnl),
    ]
    for name, pnl, other_pnl in amounts:
        difference = f"{shown(other_pnl - pnl) if other_pnl != pnl else '':>18}"
        yield f"{name:<22}{shown(pnl):>18}{shown(other_pnl):>18}{difference}".rstrip()
    yield f"{'':<22}{recorded.worst_day:>18}{other.worst_day:>18}"


def _signed(difference: int) -> str:
    return f"{difference:+,}" if difference else ""


def reason_lines(tally: Tally) -> Iterator[str]:
    """Says what the difference in P&L is made of."""
    if tally.gone.trades:
        open_now = f", {tally.gone_open} of them open at the end" if tally.gone_open else ""
        yield from _wrapped(f"{_trades(tally.gone.trades)} gone, recorded {shown(tally.gone.pnl)}{open_now}.")
    if tally.ended.trades:
        yield from _wrapped(
            f"{_trades(tally.ended.trades)} closed by a stop that comes: {shown(tally.ended_at_stop.pnl)}, "
            f"recorded {shown(tally.ended.pnl)}."
        )


# --- what cannot be known -------------------------------------------------------------------------------


def unknown_lines(overrides: Overrides, tally: Tally) -> Iterator[str]:
    """Says what is unknown in this comparison."""
    for sentence in _unknown(overrides, tally):
        yield from _wrapped(sentence, first="- ", then="  ")


def _unknown(overrides: Overrides, tally: Tally) -> Iterator[str]:
    if tally.allowed.total():
        requests = tally.allowed.total()
        again = f", {tally.again:,} of them most likely for what was asked before" if tally.again else ""
        yield (
            f"{_counted(requests, 'request')} would have been allowed{again}. What came of it is unknown and "
            "counts as nothing. Each holds its slot until its reservation expires; an open position would "
            "have held it longer, so more might have been denied."
        )
    if tally.filled_anyway:
        yield f"{_counted(tally.filled_anyway, 'request')} of these were filled on the log without leave."
    if tally.ended.trades:
        yield "Positions closed by a stop that comes count at their last mark, before commission."
    if tally.unpriced.trades:
        yield (
            f"{_trades(tally.unpriced.trades)} of these had no mark and count as nothing; recorded "
            f"{shown(tally.unpriced.pnl)}."
        )
    if tally.stops_go:
        yield "Positions closed by a stop that goes keep their recorded outcome; any other is unknown."
    positions = overrides.values.get("max_positions")
    if isinstance(positions, int) and "max_contracts" not in overrides.values and _raised(positions, tally):
        yield f"{_CONTRACTS_STAY} --max-contracts {positions}"
    if "stop_loss_on" in overrides.values:
        yield "A position held overnight counts on other days where open losses count otherwise."


def _raised(positions: int | Decimal, tally: Tally) -> bool:
    return any(isinstance(one, int) and positions > one for one in tally.in_place_of.get("max_positions", []))


# --- sweeps ---------------------------------------------------------------------------------------------


def sweep_lines(ranges: Sequence[Range], points: Sequence[Point]) -> Iterator[str]:
    """Yields the recorded figures, and a line for each point; of two ranges the first gives headings."""
    *outer, inner = ranges
    yield f"{inner.name:<16}{_SWEEP_HEAD}"
    first = points[0].tally
    seen = ", then ".join(_value(inner, value) for value in first.in_place_of.get(inner.name, []))
    yield f"{seen:<16}{_total(first.recorded.figures, first.recorded.worst_pnl)}  (recorded)"
    heading = ""
    for point in points:
        *above, value = point.values
        point_heading = "".join(
            f"{limit.name} {_value(limit, each)}" for limit, each in zip(outer, above, strict=True)
        )
        if point_heading != heading:
            heading = point_heading
            yield heading
        tally = point.tally
        total = _total(tally.what_if.figures, tally.what_if.worst_pnl)
        yield f"{_value(inner, value):<16}{total}{tally.unknown:>8,}"


def sweep_notes(ranges: Sequence[Range], points: Sequence[Point], fixed: Container[str]) -> Iterator[str]:
    """Says what is unknown in this sweep."""
    tally = points[0].tally
    names = {limit.name for limit in ranges}
    if any(point.tally.unknown for point in points):
        yield from _wrapped(
            "unknown: entries that would have been allowed. What they would have made is not in the P&L."
        )
    for limit in ranges:
        raised = limit.name == "max_positions" and _raised(max(limit.values), tally)
        if raised and "max_contracts" not in names and "max_contracts" not in fixed:
            yield from _wrapped(f"{_CONTRACTS_STAY} --max-contracts {max(limit.values)}")


def _total(figures: DayFigures, worst: Decimal) -> str:
    return (
        f"{figures.allowed:>7,}{figures.denied:>7,}{figures.trades:>7,}{figures.pnl:>13,.2f}"
        f"{figures.stops:>6,}{worst:>12,.2f}"
    )


def _value(of: Range, value: object) -> str:
    return shown_value(value) if of.name == "daily_stop_loss" else f"{value}"


# --- words ----------------------------------------------------------------------------------------------


def _trades(count: int) -> str:
    return _counted(count, "trade")


def _counted(count: int, singular: str, plural: str = "") -> str:
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _wrapped(text: str, first: str = "", then: str = "") -> list[str]:
    return textwrap.wrap(text, _COLUMNS, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)
