"""Exports a record: a folder of tables for people and programs, from which the log comes back whole.

Every entry goes out as it lies in the streams; nothing is decided again here. The files are on the disk
before export.json, which lists them, has its name. The same log gives the same bytes.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from portfold.coordinator.audit.export.files import table_writer
from portfold.coordinator.audit.export.manifest import LISTING, VERSION, Format, Manifest, manifest_text
from portfold.coordinator.audit.record.columns import TABLES, Row
from portfold.coordinator.audit.record.record import Record, RecordError
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.chain import GENESIS
from portfold.events.codec import decode_event
from portfold.events.incoming import CoordinatorStarted
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.whole_files import write_durably

_STARTED = ["type", CoordinatorStarted.__name__]


class ExportError(RecordError):
    """The export cannot be written where it was to go."""


def export(
    record: Record, folder: Path, form: Format, on_progress: Callable[[int], object] | None = None
) -> Manifest:
    """Writes the record to `folder`, which is to be new or empty; shows `on_progress` how many events are
    done.

    Whatever ends it early, nothing of it stays. Raises ExportError, and what reading raises.
    """
    made = _claimed(folder)
    try:
        manifest = _written(record, folder, form, on_progress)
    except OSError as error:
        _remove(folder, made=made)
        raise ExportError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    except BaseException:
        _remove(folder, made=made)
        raise
    return manifest


def _written(
    record: Record, folder: Path, form: Format, on_progress: Callable[[int], object] | None
) -> Manifest:
    walk = _Walk()
    with ExitStack() as open_files:
        tables = {table: open_files.enter_context(table_writer(folder, table, form)) for table in TABLES}
        for recorded in record.recorded():
            walk.past(recorded)
            tables["events"].add(Row(*recorded.event, walk.chain))
            for decision in recorded.decisions:
                tables["decisions"].add(Row(*decision))
            if on_progress is not None:
                on_progress(walk.events)
        files = tuple(file for table in TABLES for file in tables[table].finish())
    manifest = Manifest(
        version=VERSION,
        format=form,
        portfolio=record.portfolio,
        cursor=str(record.cursor),
        chain=record.chain,
        events=walk.events,
        decisions=walk.decisions,
        epoch=walk.epoch,
        rules=walk.rules,
        files=files,
    )
    write_durably(folder / LISTING, manifest_text(manifest))
    return manifest


class _Walk:
    """Goes along the record: counts, chains, and holds it to the order of a stream."""

    def __init__(self) -> None:
        self.chain = GENESIS
        self.events = self.decisions = self.epoch = self.rules = 0
        self._event = self._decision = ORIGIN

    def past(self, recorded: Recorded) -> None:
        """The next event. Raises RecordError for what no stream can hold."""
        event, decisions = recorded
        self._event = _rising(self._event, event.id, "event")
        for decision in decisions:
            self._decision = _rising(self._decision, decision.id, "decision")
            if decision.id > event.id.after_decisions():
                raise RecordError(f"Decision {decision.id} stands with event {event.id}, which is earlier.")
        self.chain = chain_after(self.chain, recorded)
        self.events += 1
        self.decisions += len(decisions)
        if event.fields[:2] == _STARTED:
            started = decode_event(event.fields)
            if isinstance(started, CoordinatorStarted):
                self.epoch, self.rules = started.epoch, started.fold


def _rising(last: StreamId, at: StreamId, what: str) -> StreamId:
    if at <= last:
        raise RecordError(f"The {what} {at} comes after {last} on record: no stream has them in this order.")
    return at


# --- the folder -----------------------------------------------------------------------------------------


def _claimed(folder: Path) -> bool:
    """Makes sure that the folder is there, and empty; whether it was made here."""
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error.strerror}.") from error
    if occupied:
        raise ExportError(
            f"{folder} is not empty. Name a folder that is new or empty: nothing is overwritten."
        )
    return made


def _remove(folder: Path, *, made: bool) -> None:
    """Takes away what was written: all there is, as the folder was empty before."""
    for path in folder.iterdir():
        path.unlink()
    if made:
        folder.rmdir()
