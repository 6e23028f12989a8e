"""`portfold audit what-if`: the same events under other limits."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure, Unusable
from portfold.cli.rule_options import RuleOptions
from portfold.cli.symbols import Symbols, limits_given
from portfold.cli.workplace import Workplace
from portfold.installing import install_command

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.record import Record
    from portfold.coordinator.audit.what_if.overrides import Overrides
    from portfold.coordinator.audit.what_if.sweep import Point, Range
    from portfold.coordinator.store.recorded import Recorded

_SOURCE = Source()


@Parameter(name="*", group="Other limits")
@dataclass(frozen=True)
class OtherLimits:
    """The options of the limits that would have held."""

    max_positions: int | None = None
    """Positions at once, in all."""

    max_contracts: int | None = None
    """Contracts at once, in all."""

    daily_stop_loss: str | None = None
    """Dollars lost in a trading day at which all is closed, as 2500."""

    symbols: Symbols = ()
    """The symbols that may be traded, as ES,NQ."""

    stop_loss_on: Literal["total", "realized"] | None = None
    """Whether the stop counts open losses (total) or not (realized)."""


@Parameter(name="*", group="Many questions")
@dataclass(frozen=True)
class Sweep:
    """The options of a sweep."""

    sweep: list[str] | None = None
    """A limit and its values, as max_positions=1..6 or daily_stop_loss=1000..4000:500; twice for every pair
    of two."""

    plot: Path | None = None
    """Where to write the sweep as a page (HTML, which needs plotly, of the extra research)."""


_LIMITS = OtherLimits()
_SWEEP = Sweep()
_RULES = RuleOptions()
_WORKPLACE = Workplace()
_WORTH_PROCESSES = 200_000
"""Events times questions: with less, one process has asked them all before others have begun."""


def register(app: App) -> None:
    """Adds the command."""
    app.command(what_if)


def what_if(
    *,
    limits: OtherLimits = _LIMITS,
    rules: RuleOptions = _RULES,
    swept: Sweep = _SWEEP,
    rows: Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))] = 40,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    source: Source = _SOURCE,
    workplace: Workplace = _WORKPLACE,
) -> None:
    """Ask what other limits would have done with the same events.

    Lists each decision that changes, with the trade that would be gone and its
    P&L; each stop that comes or goes; every day and the totals side by side.
    The P&L of an entry that was denied in fact is unknown: such entries are
    counted, and no P&L is made up for them. The rules are in docs/audit.md.

    Limits that are not given stay as they are on the log, at every moment.

    Exit code 1 when the record is damaged: see portfold audit verify.

    For example:

        portfold audit what-if --max-positions 3 --daily-stop-loss 2000
        portfold audit what-if --sweep daily_stop_loss=1000..4000:500

    Parameters
    ----------
    rows
        How many rows of changed decisions, and of days, are shown.
    json
        All findings as JSON lines, for programs.
    """
    from portfold.coordinator.audit.what_if.overrides import Overrides
    from portfold.coordinator.audit.what_if.sweep import read_range
    from portfold.events.stream_id import ORIGIN

    changes = limits_given(limits) | limits_given(rules)
    ranges, plot = [read_range(text) for text in swept.sweep or []], swept.plot
    if not changes and not ranges:
        names = ", ".join(f"--{name}" for name in [*vars(limits), *vars(rules)]).replace("_", "-")
        raise Unusable(f"what-if: expected --sweep, or at least one of {names}.")
    if plot is not None and not ranges:
        raise Unusable("--plot: expected --sweep with it.")
    if workplace.cluster is not None and not ranges:
        raise Unusable("--cluster: expected --sweep with it: a single question is asked in one reading.")
    if plot is not None and not plot.parent.is_dir():
        raise Unusable(f"--plot: {plot} cannot be written: there is no folder {plot.parent}.")
    overrides = Overrides.of(changes)
    with source.record() as record:
        if record.cursor == ORIGIN:
            raise Failure(f"Nothing has been decided yet for portfolio {record.shown}.")
        if ranges:
            points = _swept(record, ranges, changes, workplace)
            _print_sweep(record, (ranges, points), changes, plot, json=json)
        elif json:
            _print_findings(record, overrides)
        else:
            _print_comparison(record, overrides, rows)


# --- one question ---------------------------------------------------------------------------------------


def _print_comparison(record: "Record", overrides: "Overrides", rows: int) -> None:
    from portfold.cli.audit.what_if_tables import (
        day_lines,
        question_lines,
        reason_lines,
        total_lines,
        turned_line,
        unknown_lines,
    )
    from portfold.cli.audit.what_if_timeline import TurnedRows
    from portfold.coordinator.audit.what_if.comparison import what_if as ask
    from portfold.coordinator.audit.what_if.findings import DayOver
    from portfold.coordinator.audit.what_if.tally import Tally

    tally, timeline, days = Tally(), TurnedRows(rows), deque[DayOver](maxlen=rows)
    for found in ask(_shown_progress(record), overrides):
        tally.add(found)
        timeline.add(found)
        if isinstance(found, DayOver):
            days.append(found)
    _print_all(question_lines(overrides, tally, record.shown))
    print()
    print(turned_line(tally))
    _print_all(timeline.lines())
    if timeline.left_out:
        print(f"... and {timeline.left_out:,} more; --rows {timeline.left_out + rows} shows them, or --json")
    print()
    _print_all(day_lines(days))
    if tally.days > len(days):
        print(f"... after {tally.days - len(days):,} other days; --rows {tally.days} shows them")
    print()
    _print_all(total_lines(tally))
    _print_all(reason_lines(tally))
    unknown = list(unknown_lines(overrides, tally))
    if unknown:
        print("\nWhat cannot be known:")
        _print_all(unknown)


def _print_findings(record: "Record", overrides: "Overrides") -> None:
    """Prints a line of JSON for each finding as it is made, and one for the totals."""
    from portfold.coordinator.audit.what_if.comparison import what_if as ask
    from portfold.coordinator.audit.what_if.tally import Tally
    from portfold.coordinator.store.entry_json import shown_json

    tally = Tally()
    for found in ask(_shown_progress(record), overrides):
        tally.add(found)
        print(shown_json(found))
    print(shown_json(tally))


# --- many -----------------------------------------------------------------------------------------------


def _swept(
    record: "Record", ranges: "list[Range]", fixed: dict[str, str], workplace: Workplace
) -> "list[Point]":
    """Asks all of it in one reading, or shared out where that is worth it, or wanted."""
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.what_if.shared_out import sweep_in_pieces
    from portfold.coordinator.audit.what_if.sweep import questions_of, sweep

    place, questions = workplace.place(), len(questions_of(ranges, fixed))
    short = workplace.jobs is None and (record.events or 0) * questions < _WORTH_PROCESSES
    if not place.cluster and (place.jobs == 1 or short):
        return sweep(_shown_progress(record), ranges, fixed)
    with progress("Asking", questions, "questions") as on_answered:
        return sweep_in_pieces(record.recorded(), ranges, fixed, place, on_answered)


def _print_sweep(
    record: "Record",
    swept: "tuple[list[Range], list[Point]]",
    fixed: dict[str, str],
    plot: Path | None,
    *,
    json: bool,
) -> None:
    from portfold.cli.audit.what_if_tables import sweep_lines, sweep_notes

    ranges, points = swept
    if json:
        _print_points(ranges, points)
    else:
        also = ", ".join(f"{name} {value}" for name, value in fixed.items())
        print(f"What if, read from {record.shown}" + (f", with {also}" if also else ""))
        print()
        _print_all(sweep_lines(ranges, points))
        _print_all(sweep_notes(ranges, points, fixed))
    if plot is not None:
        _plot(plot, record.shown, ranges, points, fixed)
        if not json:
            print(f"\nThe plot is in {plot}")


def _print_points(ranges: "list[Range]", points: "list[Point]") -> None:
    from portfold.coordinator.store.entry_json import shown_json

    for point in points:
        values = {limit.name: value for limit, value in zip(ranges, point.values, strict=True)}
        line = {"what": "Point", "values": values, "tally": point.tally}
        print(shown_json(line))


def _plot(to: Path, shown: str, ranges: "list[Range]", points: "list[Point]", fixed: dict[str, str]) -> None:
    from portfold.research.report.sweep_page import sweep_page

    try:
        page = sweep_page(shown, ranges, points, fixed)
    except ModuleNotFoundError as missing:
        raise Failure(
            f"A plot needs plotly, which is not installed: {install_command('research')}"
        ) from missing
    try:
        to.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"--plot: {to} cannot be written: {error.strerror}.") from error


def _shown_progress(record: "Record") -> Iterator["Recorded"]:
    """Yields the record's events, and shows how far they are read."""
    from portfold.cli.progress import progress

    with progress("Asking", record.events, "events") as on_progress:
        for number, recorded in enumerate(record.recorded(), start=1):
            yield recorded
            on_progress(number)


def _print_all(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
