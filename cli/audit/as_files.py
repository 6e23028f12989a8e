"""`portfold audit copy` and `export`: the whole record as files, as evidence or as tables to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.record import Record

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the commands."""
    app.command(copy)
    app.command(export)


def copy(*, to: Path, source: Source = _SOURCE) -> None:
    """Copy all events and decisions to an archive of their own, as evidence.

    Everything up to the head of this moment, from the server and its archive
    as one log, exactly as it lies there; nothing is moved. From the copy the
    log can be verified, asked, and put back into a server; whatever is altered
    later shows. Nothing is decided again: see portfold audit verify.

    For example:

        portfold audit copy --to evidence
        portfold audit verify --archive evidence --archive-only

    Parameters
    ----------
    to
        The folder; new, or empty.
    """
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.evidence.copying import copy_record

    with _decided(source) as record:
        with progress("Copying", record.events, "events") as on_progress:
            done = copy_record(record, to, on_progress)
        segments = "1 segment" if done.segments == 1 else f"{done.segments:,} segments"
        print(f"{_held(done.events, done.decisions, record)} copied to {to}: {segments}.")


def export(
    *,
    to: Path,
    format_: Annotated[Literal["jsonl", "csv", "parquet"], Parameter(name="--format")] = "jsonl",
    source: Source = _SOURCE,
) -> None:
    """Write events, decisions, trades and trading days to a folder, as tables.

    One row an event, a decision, a close, a trading day. Nothing is read back
    from them: what is to be kept as evidence, portfold audit copy writes. For
    trades and days all is decided again; exit code 1 if the record differs.

    For example:

        portfold audit export --to tables --format csv

    Parameters
    ----------
    to
        The folder; new, or empty.
    format_
        JSON lines, CSV, or Parquet (which needs polars, of the extra research).
    """
    from portfold.cli.exits import Failure
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.tables.writing import write_tables

    with _decided(source) as record:
        with progress("Exporting", record.events, "events") as on_progress:
            written = write_tables(record, to, format_, on_progress)
        files = ", ".join(written.files)
        print(f"{_held(written.events, written.decisions, record)} exported to {to}: {files}.")
    if written.difference:
        raise Failure(
            f"{written.difference} Trades and days may show what was never decided. "
            "See: portfold audit verify"
        )


@contextmanager
def _decided(source: Source) -> "Iterator[Record]":
    """Yields the record. Raises Failure where nothing is on it yet."""
    from portfold.cli.exits import Failure
    from portfold.events.stream_id import ORIGIN

    with source.record() as record:
        if record.cursor == ORIGIN:
            raise Failure(f"Nothing has been decided yet for portfolio {record.shown}.")
        yield record


def _held(events: int, decisions: int, record: "Record") -> str:
    return f"{events:,} events and {decisions:,} decisions of {record.shown}"
