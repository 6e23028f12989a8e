"""`portfold audit show`: the log as a timeline."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.audit.lines_wanted import LinesWanted
from portfold.cli.audit.source import Source

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.moment import Moment

_SOURCE = Source()
_LINES = LinesWanted()


def register(app: App) -> None:
    """Adds the command."""
    app.command(show)


def show(
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    lines_wanted: LinesWanted = _LINES,
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    format_: Annotated[Literal["text", "jsonl", "csv"], Parameter(name="--format")] = "text",
    source: Source = _SOURCE,
) -> None:
    """Show events and decisions, in order.

    Times are as in portfold audit at; a date is a whole trading day. Of
    --symbol, --worker and --type each may be given several times.

    For example:

        portfold audit show --from 2025-01-15 --symbol ES --type EntryDenied

    Parameters
    ----------
    since
        From this moment on; by default from the first event.
    until
        Up to and including this moment; by default to the last event.
    limit
        At most so many lines.
    format_
        Text for people, or JSON lines or CSV for programs.
    """
    from itertools import islice

    from portfold.cli.progress import progress
    from portfold.coordinator.audit.record import timeline_lines as lines
    from portfold.coordinator.audit.record.span import Span
    from portfold.coordinator.audit.record.timeline import timeline

    wanted = lines_wanted.wanted()
    first, last = _moment("--from", since), _moment("--to", until)
    line_of = {"text": lines.text_line, "jsonl": lines.json_line, "csv": lines.csv_row}[format_]
    with source.record() as record:
        span = Span(record, first, last)
        if format_ == "csv":
            print(lines.csv_header())
        with progress("Reading", record.events, "events") as on_progress:
            for item in islice(timeline(record, span, wanted, on_progress), limit):
                on_progress.end()
                print(line_of(item))


def _moment(option: str, text: str | None) -> "Moment | None":
    from portfold.cli.exits import Unusable
    from portfold.coordinator.audit.record.moment import MomentError, read_moment

    if text is None:
        return None
    try:
        return read_moment(text)
    except MomentError as error:
        raise Unusable(f"{option}: {error}") from error
