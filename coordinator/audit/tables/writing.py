"""Writes a record as a folder of tables: events, decisions, trades and trading days, a row each.

They are for looking and computing, one way: nothing is read back from them. What a log is kept as is an
archive. Events and decisions are those on record; for trades and days the events are decided again, and what
differs is reported. The same log gives the same bytes.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from portfold.coordinator.audit.record.columns import COLUMNS, Row, all_cells
from portfold.coordinator.audit.record.new_folder import new_folder
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.walk import Walk
from portfold.coordinator.audit.tables.account_tables import ACCOUNT_COLUMNS, AccountRows
from portfold.coordinator.audit.tables.table_files import Format, TableWriter, table_writer


class Written(Struct, frozen=True):
    """How many events and decisions there are, and the names of the files.

    `difference` names the first decision on record that is not the one made again; empty where all are alike.
    """

    events: int
    decisions: int
    files: tuple[str, ...]
    difference: str


def write_tables(
    record: Record, folder: Path, form: Format, on_progress: Callable[[int], object] = lambda _: None
) -> Written:
    """Writes the record to `folder`, which is to be new or empty; shows `on_progress` how many events are
    done.

    Raises NotWritten, RecordError where the format's library is missing, and what reading raises; nothing of
    the tables stays then.
    """
    walk, accounts = Walk(), AccountRows()
    tables: dict[str, TableWriter] = {}
    with new_folder(folder), ExitStack() as open_files:
        for name, columns in (*COLUMNS.items(), *ACCOUNT_COLUMNS.items()):
            tables[name] = open_files.enter_context(table_writer(folder, name, columns, form))
        for recorded in record.recorded():
            walk.past(recorded)
            tables["events"].add(all_cells("events", Row(*recorded.event, walk.chain)))
            for decision in recorded.decisions:
                tables["decisions"].add(all_cells("decisions", Row(*decision)))
            for table, cells in accounts.take(recorded):
                tables[table].add(cells)
            on_progress(walk.events)
        for table, cells in accounts.end(record.cursor, record.chain):
            tables[table].add(cells)
        files = tuple(file for writer in tables.values() for file in writer.finish())
    return Written(walk.events, walk.decisions, files, accounts.difference)
