"""Terminals and a server are enough: server, coordinator, worker and status as a person starts them."""

import json
import signal
from contextlib import closing
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNREACHABLE
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusRefused, BusUnreachable
from tests.cli.command_line import called, portfold, started
from tests.processes import config_folder
from tests.server import EmbeddedServer, keeper
from tests.waiting import until

ISSUED_KEYS = {
    "max_positions",
    "open_positions_count",
    "open_positions",
    "daily_pnl",
    "stopped_out",
    "current_day",
    "stats",
}
STATS = {
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
    "block_rate",
}
READY = "Portfolio coordinator initialized successfully"


def place(server: EmbeddedServer, portfolio: str) -> tuple[str, ...]:
    return ("--url", server.url, "--portfolio", portfolio)


def test_status_of_a_portfolio_that_never_was_says_so(
    tmp_path: Path, server: EmbeddedServer, portfolio: str
) -> None:
    ran = portfold("status", *place(server, portfolio), cwd=tmp_path)
    assert ran.code == FAILED
    assert f"No coordinator has ever run for portfolio {portfolio}" in ran.err


def test_a_worker_trades_through_a_coordinator_and_status_tells(
    tmp_path: Path, server: EmbeddedServer, portfolio: str, bus: Bus
) -> None:
    where = place(server, portfolio)
    with started("coordinator", *where, cwd=tmp_path) as coordinator:
        said = coordinator.says(READY)
        assert "Portfolio optimization config loaded: max_positions=4" in said
        assert '"chosen_by": "packaged default"' in said
        with started("worker", "ES", *where, "--pace", "0.01", "--days", "1", cwd=tmp_path) as worker:
            assert worker.ends() == OK
            assert "Opened: ES long 1 @ " in worker.said.read_text()
        book = tmp_path / "state" / "portfold" / f"paper-{portfolio}-{bus.log_name()}.sqlite"
        assert book.exists()

        shown = portfold("status", *where, "--json", cwd=tmp_path)
        assert shown.code == OK
        status = json.loads(shown.out)
        assert status.keys() >= ISSUED_KEYS
        assert status["stats"].keys() == STATS
        assert status["stats"]["total_entries_allowed"] > 0
        until(bus.leader, "somebody to lead")  # the lease may lapse for a moment on a slow machine

        coordinator.process.send_signal(signal.SIGTERM)
        assert coordinator.ends() == OK
    asked = [entry for entry in bus.events_after(ORIGIN, count=10_000) if entry.fields[1] == "EntryRequested"]
    assert len(asked) == status["stats"]["total_entries_requested"]


def test_a_worker_waits_for_the_server_and_reads_no_bar_before_it_answers(
    tmp_path: Path, portfolio: str
) -> None:
    with EmbeddedServer(tmp_path / "log") as away:
        pass
    where = ("--url", away.url, "--portfolio", portfolio)
    words = ("worker", "ES", *where, "--pace", "0", "--days", "1", "--progress", str(tmp_path / "bars.json"))
    with started(*words, cwd=tmp_path) as worker:
        said = worker.says("no bar is read before it answers")
        assert f"Waiting for {portfolio} on {away.url}" in said
        assert BusUnreachable.remedy in said
        assert not (tmp_path / "bars.json").exists()
        away.restart()
        try:
            worker.says(f"Joining {portfolio}")
            assert worker.ends() == OK
        finally:
            away.stop()
    assert (tmp_path / "bars.json").exists()


def test_a_worker_whose_server_stays_away_ends_with_the_code_for_that_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    hurried = config_folder(tmp_path / "mine", runtime={"bus_loss_seconds": 0.5})
    words = ("--url", "redis://127.0.0.1:1/0", "--config", str(hurried), "--progress", "bars.json")
    ran = called("worker", "ES", *words, "--book", "book.sqlite", cwd=tmp_path)
    assert ran.code == UNREACHABLE
    assert ran.err.splitlines()[-1].endswith(f": Connection refused. {BusUnreachable.remedy}")
    assert not (tmp_path / "bars.json").exists()


def test_status_for_people_fits_80_columns_and_says_when_nobody_leads(
    tmp_path: Path, server: EmbeddedServer, portfolio: str
) -> None:
    patient = config_folder(tmp_path / "mine", runtime={"lease_ms": 10_000})
    where = (*place(server, portfolio), "--config", str(patient))
    with started("coordinator", *where, cwd=tmp_path) as coordinator:
        coordinator.says(READY)
        led = portfold("status", *where, cwd=tmp_path)
        coordinator.process.send_signal(signal.SIGINT)
        assert coordinator.ends() == INTERRUPTED
    alone = portfold("status", *where, cwd=tmp_path)
    assert led.code == alone.code == OK
    too_long = [line for line in (led.out + alone.out).splitlines() if len(line) > 80]
    assert all(str(patient) in line.split() for line in too_long)  # a command's word is never broken
    assert "0 open of 4" in led.out
    assert "NO COORDINATOR" not in led.out
    assert "NO COORDINATOR  no entry is answered" in alone.out
    assert "\x1b" not in led.out + alone.out


def test_the_server_command_serves_until_told_to_stop_and_keeps_its_data(tmp_path: Path) -> None:
    for signal_number, code, found in ((signal.SIGTERM, OK, []), (signal.SIGINT, INTERRUPTED, ["ES"])):
        with started("server", "--dir", "log", cwd=tmp_path) as server:
            said = server.says("Ctrl-C stops it.")
            url = said.split("PORTFOLD_URL=")[1].split()[0]
            assert f"redis-cli -p {url.rpartition(':')[2].partition('/')[0]}" in said
            with (
                closing(Bus(connect(url), "main")) as nobody,
                pytest.raises(BusRefused, match="may only look"),
            ):
                nobody.publish(nobody.keys.bars, ["symbol", "ES"])
            bus = Bus(connect(keeper(url)), "main")
            kept = [
                entry.fields[1] for entry in bus.published_after(bus.keys.bars, ORIGIN, count=9, block_ms=1)
            ]
            assert kept == found
            bus.publish(bus.keys.bars, ["symbol", "ES"])
            bus.close()
            server.process.send_signal(signal_number)
            assert server.ends() == code


def test_a_worker_told_to_stop_says_goodbye(
    tmp_path: Path, server: EmbeddedServer, portfolio: str, bus: Bus
) -> None:
    with started("worker", "CL", *place(server, portfolio), "--pace", "30", cwd=tmp_path) as worker:
        until(lambda: len(bus.events_after(ORIGIN, count=9)) > 0, "the worker to announce itself")
        worker.process.send_signal(signal.SIGINT)
        assert worker.ends() == INTERRUPTED
    assert bus.events_after(ORIGIN, count=999)[-1].fields[1] == "WorkerStopped"
