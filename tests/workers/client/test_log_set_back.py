"""A log set back under its workers is noticed by whoever saw further: a real server, its real files."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from portfold.coordinator.store import log_integrity
from portfold.coordinator.views.overview import missed_at_the_end
from portfold.events.codec import encode
from portfold.events.decisions import FlattenOrdered
from portfold.events.legs import Holding
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import ChildProcess, CoordinatorThread, coordinating
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.set_back import Backup, append_only_file, cut_off
from tests.waiting import until
from tests.workers.client.gates import Gates

SAID_BY_THE_GATE = "The log has lost an event of ours that it had taken"


pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "own") as server:
        yield server


@pytest.fixture
def there(own: EmbeddedServer, portfolio: str) -> Iterator[Live]:
    """The portfolio on a server of its own."""
    bus = Bus(connect(own.url), portfolio)
    with Redis.from_url(own.url, decode_responses=True) as plain:
        yield Live(bus, plain)
    bus.close()


@pytest.fixture
def gates(own: EmbeddedServer, portfolio: str) -> Iterator[Gates]:
    made = Gates(own.url, portfolio)
    yield made
    made.end()


@pytest.fixture
def coordinator(own: EmbeddedServer, portfolio: str) -> Iterator[CoordinatorThread]:
    with coordinating(own.url, portfolio) as leads:
        yield leads


def missed(live: Live) -> list[str]:
    """What workers said they miss, event by event."""
    return [fields["saw"] for fields in live.said("LogTailMissing")]


def begun_anew(live: Live) -> Live:
    """The same portfolio, seen by somebody who does not remember what is gone."""
    return Live(live.bus, live.client)


def test_a_restored_backup_denies_entries_until_somebody_answers_for_it(
    own: EmbeddedServer, gates: Gates, there: Live, portfolio: str
) -> None:
    held: list[Holding] = []
    with coordinating(own.url, portfolio):
        gate = gates(holdings=lambda: held)
        assert gate.request_entry("ES")
        backup = Backup(own)
        assert gate.position_opened("ES", price=5000)
        held.append(Holding("ES", "long", 1, there.state.day.realized + 5000))
        fill = there.bus.last_event()
    backup.restore()  # and whoever led and had seen it is gone too

    until(lambda: missed(there), "what it misses")
    assert missed(there) == [str(fill)]
    gates.logged(SAID_BY_THE_GATE)
    with coordinating(own.url, portfolio) as coordinator:
        live = begun_anew(there)
        coordinator.says("THE LOG LOST ITS END")
        coordinator.says("POSITION MISMATCH (unknown_to_us): ES of ibs-ES")
        live.all_decided()
        assert live.status()["log_incomplete"] == "true"
        assert live.status()["open_positions"] == "ES"  # as its worker announced again what the broker holds
        denied = gate.request_entry("CL")
        assert denied.code == "log_incomplete"
        log_integrity.acknowledge(
            live.bus, lambda: missed_at_the_end(live.bus), by="jane", reason="the position is known again"
        )
        until(lambda: live.status()["log_incomplete"] == "false", "the acknowledgement")
        assert gate.request_entry("CL").allowed
        assert live.said("PositionOpened") == []  # what it remembers of before is not told a second time
        [loss] = live.said("LossAcknowledged")
        assert loss["detail"].startswith(f"The log lost its end: ibs-ES saw {fill}, said so at ")


@pytest.mark.usefixtures("coordinator")
def test_an_append_only_file_that_was_cut_off_is_noticed(
    own: EmbeddedServer, gates: Gates, there: Live
) -> None:
    gate = gates()
    there.all_decided()
    size = append_only_file(own).stat().st_size
    gate.position_opened("ES", price=5000)
    fill = there.bus.last_event()
    until(lambda: there.has_decided(fill), "a decision on it")
    cut_off(own, size + 30)  # in the middle of a command
    until(lambda: missed(there), "what it misses")
    assert missed(there) == [str(fill)]
    until(lambda: there.status().get("log_incomplete") == "true", "entries denied")


def test_what_is_published_before_anybody_looked_does_not_hide_it(
    own: EmbeddedServer, gates: Gates, there: Live
) -> None:
    gate = gates(heartbeat_seconds=0.5)
    backup = Backup(own)
    gate.position_opened("ES", price=5000)
    fill = there.bus.last_event()
    backup.restore()
    until(lambda: gate.position_opened("CL", price=70), "a fact on the log of before")
    until(lambda: missed(there), "what it misses")
    assert missed(there) == [str(fill)]


def test_a_request_looks_first(own: EmbeddedServer, gates: Gates, there: Live, portfolio: str) -> None:
    gate = gates(heartbeat_seconds=20.0)  # no sign of life comes in time to find out
    backup = Backup(own)
    gate.position_opened("ES", price=5000)
    backup.restore()
    with coordinating(own.url, portfolio):
        until(lambda: gate.request_entry("CL").code == "log_incomplete", "a request that is denied for it")
        said = [entry.fields[1] for entry in there.events()]
        assert said.index("LogTailMissing") < said.index("EntryRequested")


def test_a_worker_that_slept_through_it_finds_out_when_it_wakes(
    own: EmbeddedServer, there: Live, portfolio: str, tmp_path: Path
) -> None:
    backup = Backup(own)
    words = ("tests.workers.client.idle_worker", own.url, portfolio, "ibs-ES", "5")
    worker = ChildProcess(*words, folder=tmp_path, name="worker")
    try:
        worker.says("Ready")
        seen = there.bus.last_event()
        os.kill(worker.pid, signal.SIGSTOP)
        backup.restore()
        os.kill(worker.pid, signal.SIGCONT)
        until(lambda: missed(there), "what it misses")
        assert missed(there) == [str(seen)]
    finally:
        worker.end()


@pytest.mark.parametrize("stream", ["decisions", "kill switch"])
@pytest.mark.parametrize("how", ["a backup", "deleted"])
def test_a_listener_hears_again_what_has_an_id_of_before(
    own: EmbeddedServer, gates: Gates, there: Live, stream: str, how: str
) -> None:
    heard: list[str] = []
    gates(callbacks=(lambda order: heard.append(order.cause),))
    backup = Backup(own)

    def order(by: str, at: str) -> None:
        if stream == "kill switch":
            there.client.xadd(there.keys.killswitch, {"by": by, "reason": "panic"}, id=at)
            return
        words = encode(FlattenOrdered("5-0" if by == "jane" else "6-0", by, 0, everything=True))
        fields = dict(zip(words[::2], words[1::2], strict=True)) | {"event": "5-0", "chain": "c"}
        there.client.xadd(there.keys.decisions, fields, id=at)

    order("jane", "99000000000000-0")  # a server whose clock went ahead of the one that replaces it
    until(lambda: len(heard) == 1, "the order from before")
    if how == "deleted":  # and the connection stays
        there.client.delete(there.keys.decisions, there.keys.killswitch)
    else:
        backup.restore()
    order("joe", "*")
    until(lambda: len(heard) == 2, "the order from after")
    assert "joe" in heard[1]
    assert gates.logged(f"SET BACK: the stream of the {stream}")["level"] == "critical"


def test_a_replica_that_took_over_with_less_is_noticed(
    own: EmbeddedServer, there: Live, portfolio: str, tmp_path: Path
) -> None:
    with (
        EmbeddedServer(tmp_path / "replica") as replica,
        Redis.from_url(replica.url) as on_replica,
        proxy_to(own.port) as link,
        proxy_to(own.port) as address,
    ):
        there.client.config_set("repl-diskless-sync-delay", 0)
        on_replica.execute_command("REPLICAOF", "127.0.0.1", str(link.port))
        until(lambda: on_replica.info("replication")["master_link_status"] == "up", "a replica in step")
        gates = Gates(address.url, portfolio)
        gate = gates()
        gate.position_opened("CL", price=70)
        in_step = there.bus.last_event()
        bus = Bus(connect(replica.url), portfolio)
        until(lambda: bus.last_event() == in_step, "the replica to have it")
        link.close()
        assert gate.position_opened("ES", price=5000)  # acknowledged, and on its way to nobody
        fill = there.bus.last_event()
        own.kill()
        on_replica.execute_command("REPLICAOF", "NO", "ONE")
        address.redirect(replica.port)
        promoted = Live(bus, on_replica)
        until(lambda: missed(promoted), "what it misses")
        assert missed(promoted) == [str(fill)]
        gates.end()
        bus.close()


# --- what is no loss ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_a_restart_of_the_server_that_loses_nothing_is_none(
    own: EmbeddedServer, gates: Gates, there: Live
) -> None:
    gate = gates()
    gate.position_opened("ES", price=5000)
    own.kill()
    own.restart()
    until(lambda: gate.request_entry("CL").allowed, "a yes")
    beats_from_now(own, there)
    assert missed(there) == []


def test_history_that_was_trimmed_is_none(own: EmbeddedServer, gates: Gates, there: Live) -> None:
    gate = gates()
    with Redis.from_url(own.url) as plain:
        there.by_hand("type", "ClockTicked")
        plain.xtrim(there.keys.events, maxlen=1, approximate=False)
        beats_from_now(own, there)
        plain.xtrim(there.keys.events, maxlen=0, approximate=False)
        beats_from_now(own, there)
    assert gate.worker == "ibs-ES"
    assert there.events() == []


def test_a_log_that_was_deleted_and_begun_anew_is_one(gates: Gates, there: Live, own: EmbeddedServer) -> None:
    gates()
    started = there.bus.last_event()
    with Redis.from_url(own.url) as plain:
        plain.flushall()
        there.by_hand("type", "ClockTicked")
    until(lambda: missed(there), "what it misses")
    assert missed(there) == [str(started)]


def beats_from_now(server: EmbeddedServer, live: Live) -> None:
    """Waits until the worker has given two more signs of life, and so has looked in between."""
    key = live.keys.worker("ibs-ES")
    with Redis.from_url(server.url) as plain:
        for _ in range(2):
            plain.pexpire(key, 20_000)
            until(lambda: plain.pttl(key) > 30_000, "a sign of life")


@pytest.mark.usefixtures("coordinator")
def test_a_yes_does_not_stand_once_the_log_has_lost_its_end(gates: Gates, there: Live) -> None:
    gate = gates()
    yes = gate.request_entry("ES")
    assert gate.standing(yes)
    there.by_hand("type", "LogTailMissing", "worker", "w", "session", "s", "seq", "1", "saw", "5-0")
    until(lambda: there.status()["log_incomplete"] == "true", "the report")
    assert not gate.standing(yes)
    assert code(there.asks("CL")) == "log_incomplete"
