"""Writes a record as a folder of tables: a row for each event, and one for each decision.

They are for looking and computing, one way: nothing is read back from them. What a log is kept as is an
archive. Nothing is decided again here; the same log gives the same bytes.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.audit.record.columns import TABLES, Row
from portfold.coordinator.audit.record.new_folder import new_folder
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.walk import Walk
from portfold.coordinator.audit.tables.table_files import Format, table_writer


class Written(Struct, frozen=True):
    """How many rows there are of each kind, and the names of the files they are in."""

    events: int
    decisions: int
    files: tuple[str, ...]


def write_tables(
    record: Record, folder: Path, form: Format, on_progress: Callable[[int], object] = lambda _: None
) -> Written:
    """Writes the record to `folder`, which is to be new or empty; shows `on_progress` how many events are
    done.

    Raises NotWritten, RecordError where the format's library is missing, and what reading raises; nothing of
    the tables stays then.
    """
    walk = Walk()
    with new_folder(folder), ExitStack() as open_files:
        tables = {table: open_files.enter_context(table_writer(folder, table, form)) for table in TABLES}
        for recorded in record.recorded():
            walk.past(recorded)
            tables["events"].add(Row(*recorded.event, walk.chain))
            for decision in recorded.decisions:
                tables["decisions"].add(Row(*decision))
            on_progress(walk.events)
        files = tuple(file for table in TABLES for file in tables[table].finish())
    return Written(walk.events, walk.decisions, files)
