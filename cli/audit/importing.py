"""`portfold audit import`: an archive on a throwaway server, to look at with redis-cli."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.audit.source import kept_record
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.cli.stopping import StopSignal
    from portfold.coordinator.audit.evidence.putting_back import Imported
    from portfold.coordinator.audit.record.record import Record
    from portfold.events.wire.embedded import EmbeddedServer
    from portfold.events.wire.keys import Keys


def register(app: App) -> None:
    """Adds the command."""
    app.command(import_, name="import")


def import_(
    archive: Path,
    /,
    *,
    folder: Annotated[Path | None, Parameter(name="--dir")] = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65_535))] = None,
) -> int:
    """Put an archive into a server of its own, to look at until Ctrl-C.

    The server listens on 127.0.0.1 only. Its streams, head and status are
    what they were where the archive ends. It is for looking: do not trade on
    it.

    For example:

        portfold audit import evidence

    Parameters
    ----------
    archive
        The folder of the archive, such as portfold audit copy writes.
    folder
        Where the server's data is to lie, and to stay; by default nothing of it stays.
    port
        The server's port; by default a free one.
    """
    from portfold.cli.run.server import stay
    from portfold.cli.stopping import stopped_by_signals
    from portfold.events.wire.embedded import EmbeddedServer

    record = kept_record(archive)
    with (
        stopped_by_signals() as stop,
        _kept(folder) as chosen,
        EmbeddedServer(chosen, port=port, appendfsync="no" if folder is None else "everysec") as running,
    ):
        print("\n".join(_lines(_put_back(record, running, stop), record, running, kept=folder is not None)))
        print("Ctrl-C ends it.", flush=True)
        stay(running, stop)
    return stop.exit_code


@contextmanager
def _kept(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="portfold-import-") as throwaway:
        yield Path(throwaway)


def _put_back(record: "Record", running: "EmbeddedServer", stop: "StopSignal") -> "Imported":
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.evidence.putting_back import put_back
    from portfold.events.wire.connection import connect
    from portfold.events.wire.importer_bus import ImporterBus

    bus = ImporterBus(connect(running.users.keepers_url(running.url)), record.portfolio)
    try:
        with progress("Importing", record.events, "events") as show:

            def on_progress(done: int) -> None:
                if stop.event.is_set():
                    raise KeyboardInterrupt
                show(done)

            return put_back(record, bus, on_progress)
    finally:
        bus.close()


def _lines(done: "Imported", record: "Record", running: "EmbeddedServer", *, kept: bool) -> Iterator[str]:
    from portfold.events.wire.keys import Keys

    yield f"{done.events:,} events and {done.decisions:,} decisions of {record.shown}"
    yield f"are at {running.url}, " + (f"kept in {running.folder}." if kept else "until this ends.")
    if not done.same:
        yield typed("These are not the decisions that this portfold makes: see portfold audit verify.")
    yield "To look inside, in another terminal:"
    yield from (f"    {typed(command)}" for command in _looks(running, Keys(record.portfolio)))


def _looks(running: "EmbeddedServer", keys: "Keys") -> list[str]:
    """Commands to copy."""
    client = f"redis-cli -p {running.port}"
    return [
        f"{client} XRANGE '{keys.events}' - + COUNT 10",
        f"{client} XREVRANGE '{keys.decisions}' + - COUNT 10",
        f"{client} HGETALL '{keys.status}'",
        f"{client} HGETALL '{keys.head}'",
        f"portfold status --url {running.url} --portfolio {keys.name}",
        f"portfold audit verify --url {running.url} --portfolio {keys.name}",
    ]
