"""`portfold audit export`: the record as tables for people and programs."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the command."""
    app.command(export)


def export(
    *,
    to: Path,
    format_: Annotated[Literal["jsonl", "csv", "parquet"], Parameter(name="--format")] = "jsonl",
    source: Source = _SOURCE,
) -> None:
    """Write all events and decisions to a folder, as tables.

    Nothing is lost: from an export the log can be verified, and put back
    into a server, as it was. Each file is listed with its hash, and whatever
    is altered later shows. Nothing is decided again: see portfold audit verify.

    For example:

        portfold audit export --to my-export --format csv

    Parameters
    ----------
    to
        The folder; new, or empty.
    format_
        JSON lines, CSV, or Parquet (which needs polars: pip install 'portfold[research]').
    """
    from portfold.cli.exits import Failure
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.export.export import export as write
    from portfold.events.stream_id import ORIGIN

    with source.record() as record:
        if record.cursor == ORIGIN:
            raise Failure(f"Nothing has been decided yet for portfolio {record.shown}.")
        with progress("Exporting", record.events, "events") as on_progress:
            written = write(record, to, format_, on_progress)
        held = f"{written.events:,} events and {written.decisions:,} decisions"
        files = ", ".join(file.file for file in written.files)
        print(f"{held} of {record.shown} exported to {to}: {files}.")
