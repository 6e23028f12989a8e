"""An export, read as a record: entry by entry as it lay in the streams, each line held against itself.

What is found wherever it is, and said with the file and the line: a column that does not follow from the
entry, an entry that the chain over the log was not made of, a line too many or too few, a file whose hash is
not the one in export.json. What is *not* found here is an export that somebody made to add up: for that the
decisions are made again (`portfold audit verify`), and the chain is held against an anchor.
"""

from collections.abc import Iterator
from pathlib import Path

from portfold.coordinator.audit.export.files import Placed, read_rows
from portfold.coordinator.audit.export.manifest import read_manifest
from portfold.coordinator.audit.record.columns import Table
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry


class ExportedRecord:
    """The export in `folder`. Raises RecordError where there is none that can be read, ExportDamaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.portfolio = self.manifest.portfolio
        self.shown = f"{self.portfolio} in the export {folder}"
        self.cursor = StreamId.parse(self.manifest.cursor)
        self.chain = self.manifest.chain
        self.events: int | None = self.manifest.events

    def recorded(self) -> Iterator[Recorded]:
        """Every event with its decisions. Raises ExportDamaged at what is not as it was written."""
        decisions = _Decisions(self._placed("decisions"))
        chain = GENESIS
        for event in self._placed("events"):
            at, fields, expected = event.row
            recorded = Recorded(Entry(at, fields), decisions.up_to(at))
            chain = chain_after(chain, recorded)
            if chain != expected:
                raise event.damaged(
                    f"event {at}{decisions.named_last} is not as it was exported: the chain over it differs"
                )
            yield recorded
        decisions.end()

    def _placed(self, table: Table) -> Iterator[Placed]:
        """The rows of a table, in order."""
        last = ORIGIN
        for file in self.manifest.files:
            if file.table != table:
                continue
            for placed in read_rows(self.folder, file, self.manifest.format):
                if placed.row.id <= last:
                    raise placed.damaged(f"{placed.row.id} comes after {last}, out of order")
                last = placed.row.id
                yield placed


class _Decisions:
    """The decisions, read in step with the events. `named_last` says where those handed out last stand."""

    def __init__(self, rows: Iterator[Placed]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self.named_last = ""

    def up_to(self, event: StreamId) -> list[Entry]:
        """The next ones, up to the last of `event`."""
        last, found = event.after_decisions(), list[Entry]()
        first = self._next
        while self._next is not None and self._next.row.id <= last:
            found.append(Entry(self._next.row.id, self._next.row.fields))
            self._next = next(self._rows, None)
        self.named_last = f", or a decision of it ({first.named} on)," if first and found else ""
        return found

    def end(self) -> None:
        """Raises ExportDamaged unless all were handed out."""
        if self._next is not None:
            raise self._next.damaged(f"decision {self._next.row.id} comes after the last event's")
