"""An archive put back into a server is the portfolio it came from: streams, head, status; nothing is lost."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portfold.cli.exits import INTERRUPTED, OK
from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.evidence.putting_back import Imported, put_back
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, RecordError
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from portfold.events.wire.connection import connect
from portfold.events.wire.importer_bus import ImporterBus
from portfold.events.wire.keys import Keys
from tests.archive.past import Past, contents, on_server
from tests.audit.in_memory import InMemory, realistic
from tests.cli.command_line import called, started
from tests.server import EmbeddedServer

EARLIER = Path(__file__).with_name("earlier")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server with nothing on it."""
    with EmbeddedServer(tmp_path / "elsewhere", appendfsync="no") as running:
        yield running


def imported(folder: Path, server: EmbeddedServer) -> tuple[ImporterBus, Imported]:
    record = ArchivedRecord(folder)
    bus = ImporterBus(connect(server.url), record.portfolio)
    return bus, put_back(record, bus, lambda _: None)


def test_what_was_copied_and_imported_is_what_there_was(
    past: Past, folder: Path, elsewhere: EmbeddedServer
) -> None:
    past.happens(1_100)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    bus, done = imported(folder, elsewhere)
    whole = past.whole()
    assert done == Imported(1_100, len(whole.decisions), same=True)
    assert on_server(bus) == whole
    assert bus.head() == past.bus.head()
    replayed = verify(LiveRecord(bus))
    assert (replayed.events, replayed.difference) == (1_100, None)
    view = portfolio_view(replayed.state, past.place[0], leader="host.1.abc")
    assert bus.status() == status_fields(view)
    copy_record(LiveRecord(bus, None, "there"), folder.parent / "again")
    assert contents(folder.parent / "again") == contents(folder)
    bus.close()


def test_every_byte_is_what_it_was(
    past: Past, folder: Path, elsewhere: EmbeddedServer, server: EmbeddedServer
) -> None:
    past.happens(300)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    bus, _ = imported(folder, elsewhere)
    replies: list[Any] = []
    for running in (server, elsewhere):
        with Redis.from_url(running.url) as raw:
            raw.set_response_callback("XRANGE", lambda reply, **_: reply)
            keys = (bus.keys.events, bus.keys.decisions)
            replies += [raw.execute_command("XRANGE", key, "-", "+") for key in keys]
    assert replies[:2] == replies[2:]
    assert b"\xed\xb3\xbf\x00\n\x1b[2J" in [word for _, words in replies[2] for word in words]
    bus.close()


def test_nothing_is_added_to_a_portfolio_that_is_there(past: Past, folder: Path) -> None:
    past.happens(60)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    before = past.whole()
    bus = ImporterBus(connect(past.url), past.bus.keys.name)
    with pytest.raises(
        RecordError, match=f"There is a portfolio {past.bus.keys.name} on this server already"
    ):
        put_back(ArchivedRecord(folder), bus, lambda _: None)
    assert past.whole() == before
    bus.close()


@pytest.mark.parametrize("name", ["a*c", "a?c", "[a-c]", "a\\c", "a^c"])
def test_another_portfolio_with_a_similar_name_does_not_count(elsewhere: EmbeddedServer, name: str) -> None:
    bus = ImporterBus(connect(elsewhere.url), name)
    assert not bus.is_there()
    with Redis.from_url(elsewhere.url) as client:
        client.set(Keys("abc").head, "")
        assert not bus.is_there()
        client.set(Keys(name).worker("ibs-ES"), "")
    assert bus.is_there()
    bus.close()


def test_what_another_fold_decided_is_put_back_as_it_was_and_said(
    tmp_path: Path, elsewhere: EmbeddedServer
) -> None:
    record = realistic(120)
    record.all[1].decisions[0].fields[3] = "1999-01-01"
    copy_record(record, tmp_path / "copy")
    bus, done = imported(tmp_path / "copy", elsewhere)
    assert not done.same
    assert on_server(bus).decisions[0].fields[3] == "1999-01-01"
    bus.close()


def test_a_damaged_archive_is_not_imported(past: Past, folder: Path, tmp_path: Path) -> None:
    past.happens(60)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    path = folder / "segment-000001.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    ended = called("audit", "import", str(folder), cwd=tmp_path)
    assert ended.code == 1
    assert "segment-000001.jsonl.gz: this segment is not the one that archive.json lists" in ended.err
    assert ended.err.count("\n") == 1


def test_what_an_archiver_moved_can_be_imported_as_far_as_it_goes(
    past: Past, folder: Path, elsewhere: EmbeddedServer
) -> None:
    past.happens(300)
    before = past.whole()
    archive_history(past.bus, folder, Keep(events=20), segment_events=70)
    left = past.whole()
    bus, done = imported(folder, elsewhere)
    assert (done.same, done.events) == (True, len(before.events) - len(left.events))
    assert on_server(bus).events == before.events[: done.events]
    assert verify(LiveRecord(bus)).difference is None
    bus.close()


@pytest.mark.parametrize("form", FORMATS)
def test_what_an_earlier_version_exported_is_imported_too(tmp_path: Path, form: Format) -> None:
    with started("audit", "import", str(EARLIER / form), cwd=tmp_path) as running:
        said = running.says("Ctrl-C ends it.")
        running.process.send_signal(signal.SIGTERM)
        assert running.ends() == OK
    assert f"80 events and 28 decisions of main in the export {EARLIER / form}" in said
    assert "These are not the decisions" not in said


def test_words_that_no_stream_can_hold_are_refused(tmp_path: Path, elsewhere: EmbeddedServer) -> None:
    copy_record(InMemory([(StreamId(5, 0), ["\ud800", ""])]), tmp_path / "copy")
    with pytest.raises(RecordError, match="are words that no stream ever held"):
        imported(tmp_path / "copy", elsewhere)


# --- the command ----------------------------------------------------------------------------------------


def words_of(said: str, before: str) -> list[str]:
    """The words of the line it tells that begins so."""
    return next(line for line in said.splitlines() if line.strip().startswith(before)).split()


@pytest.mark.parametrize("kept", [False, True])
def test_the_command_serves_it_until_ctrl_c_and_tells_how_to_look(
    past: Past, folder: Path, tmp_path: Path, *, kept: bool
) -> None:
    past.happens(60)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    where = ("--dir", str(tmp_path / "kept")) if kept else ()
    (tmp_path / "tmp").mkdir()
    with started(
        "audit", "import", str(folder), *where, cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")
    ) as running:
        said = running.says("Ctrl-C ends it.")
        port = int(words_of(said, "redis-cli")[2])
        bus = ImporterBus(connect(f"redis://127.0.0.1:{port}/0"), past.bus.keys.name)
        assert on_server(bus) == past.whole()
        bus.close()
        assert f"redis-cli -p {port} HGETALL '{past.bus.keys.status}'" in said
        status = words_of(said, "portfold status")[1:]
        shown = called(*status, cwd=tmp_path).out
        assert f":{port}/0" in shown
        assert " EVIDENCE  a record that was put here to look at" in shown
        assert not any(word in shown for word in ("Start", "portfold coordinator", "TRADING", "UNMANAGED"))
        running.process.send_signal(signal.SIGINT)
        assert running.ends() == INTERRUPTED
    assert list((tmp_path / "tmp").iterdir()) == []
    assert (tmp_path / "kept").exists() == kept


def test_a_second_import_into_what_was_kept_is_refused(past: Past, folder: Path, tmp_path: Path) -> None:
    past.happens(60)
    copy_record(LiveRecord(past.bus, None, "here"), folder)
    words = ("audit", "import", str(folder), "--dir", str(tmp_path / "kept"))
    with started(*words, cwd=tmp_path) as running:
        running.says("Ctrl-C ends it.")
        running.process.send_signal(signal.SIGTERM)
        assert running.ends() == OK
    again = called(*words, cwd=tmp_path)
    assert again.code == 2
    assert "on this server already, and nothing is added to it" in again.err
