"""The demo, for real: its facts are in its log, and no way out of it leaves a process behind."""

import os
import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNUSABLE
from portfold.config import load
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.cli.command_line import Running, called, portfold, started
from tests.cli.demo.demo_folder import folder_of, processes_of
from tests.cli.filtered import train_es
from tests.processes import config_folder
from tests.server import EmbeddedServer, keeper
from tests.waiting import until


def the_one(processes: dict[int, str], word: str) -> int:
    """The id of the one process whose command holds the word."""
    (pid,) = (pid for pid, command in processes.items() if f" {word} " in command)
    return pid


@contextmanager
def under_way(cwd: Path) -> Iterator[tuple[Running, Path, dict[int, str]]]:
    """A demo in the middle of its trading, its folder, and its processes."""
    with started("demo", "--days", "9", "--symbols", "ES,CL", "--pace", "0.2", cwd=cwd) as demo:
        demo.says("Limits ordered")
        folder = folder_of(cwd)
        processes = processes_of(folder)
        assert len(processes) >= 3  # two workers and the coordinator; the server hides its folder
        yield demo, folder, processes


def test_what_a_demo_leaves_open_is_closed_by_the_commands_that_it_prints(tmp_path: Path) -> None:
    ran = portfold("demo", "--days", "2", "--symbols", "ES,CL,6B", cwd=tmp_path)
    assert ran.code == OK, ran.out + ran.err
    book = folder_of(tmp_path) / "paper-main.sqlite"
    assert f"The broker's book is {book}" in ran.out

    def printed(command: str) -> list[str]:
        (line,) = (line for line in ran.out.splitlines() if line.startswith(f"  portfold {command} "))
        return shlex.split(line.replace("NAME", "ann").replace("TEXT", "over"))[1:]

    with (
        started(*printed("server"), cwd=tmp_path) as server,
        started(*printed("coordinator"), cwd=tmp_path) as coordinator,
    ):
        server.says("Ctrl-C stops it.")
        coordinator.says("initialized successfully")
        with started(*printed("flattener"), cwd=tmp_path) as flattener:
            assert f'"book": "{book}"' in flattener.says("Flattener ready")
            assert called(*printed("flatten"), cwd=tmp_path).code == OK
            status = printed("status")
            until(lambda: "0 open of 4" in called(*status, cwd=tmp_path).out, "all to be closed")
            assert "WRONG BOOK" not in called(*status, cwd=tmp_path).out


@pytest.mark.parametrize("model", ["models/ES.onnx", "../models/ES.onnx"])
def test_a_demo_of_a_users_configuration_takes_its_models_along(tmp_path: Path, model: str) -> None:
    named = {"ES": {"model": model}, "GC": {"model": "models/gone.onnx"}}
    runtime = {"workers": named, "archive_folder": str(tmp_path / "archive")}
    mine = config_folder(tmp_path / "mine", runtime=runtime)
    train_es(load(str(config_folder(tmp_path / "plain")), {}, tmp_path), (mine / model).parents[1])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = ("demo", "--config", "../mine", "--symbols", "ES", "--days", "1")
    ran = portfold(*words, cwd=elsewhere)
    assert ran.code == OK, ran.out + ran.err
    folder = folder_of(elsewhere)
    assert "filtered by a logistic model" in (folder / "ibs-ES.log").read_text()
    assert [path.name for path in sorted((folder / "models").iterdir())] == ["ES.onnx", "ES.onnx.json"]
    assert load(str(folder), {}, tmp_path).runtime.archive_folder is None


def test_a_model_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    named = {"ES": {"model": "models/ES.onnx"}}
    config_folder(tmp_path / "mine", runtime={"workers": named})
    ran = portfold("demo", "--config", "mine", "--symbols", "ES", "--days", "1", cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert re.search(r"portfold: .*mine/models/ES\.onnx: expected a model, got No such file", ran.err)


def test_a_demo_notices_that_a_worker_was_killed(tmp_path: Path) -> None:
    with under_way(tmp_path) as (demo, folder, processes):
        os.kill(the_one(processes, "worker ES"), signal.SIGKILL)
        assert demo.ends() == FAILED
        last = demo.said.read_text().splitlines()[-1]
        assert re.fullmatch(
            r"portfold: The process ibs-ES \(pid \d+\) was killed by SIGKILL; its log .*", last
        )
    until(lambda: not processes_of(folder), "the last of them to go")


def test_an_interrupted_demo_ends_everything_in_good_order(tmp_path: Path) -> None:
    with under_way(tmp_path) as (demo, folder, _):
        demo.process.send_signal(signal.SIGINT)
        assert demo.ends() == INTERRUPTED
        assert "Traceback" not in demo.said.read_text()
    until(lambda: not processes_of(folder), "the last of them to go")
    assert "Portfolio coordinator stopped" in (folder / "coordinator.log").read_text()


def test_nothing_outlives_a_demo_that_was_killed(tmp_path: Path) -> None:
    with under_way(tmp_path) as (demo, folder, _):
        demo.process.kill()
        until(lambda: not processes_of(folder), "the processes to notice that the demo is gone")
    with EmbeddedServer(folder / "server"):  # the folder is free: its server is gone as well
        pass


def test_recorded_bars_are_played_and_a_kept_server_stays_until_it_is_killed_as_told(tmp_path: Path) -> None:
    bars = tmp_path / "bars"
    bars.mkdir()
    (bars / "CL.csv").write_text(
        "date,open,high,low,close\n"
        "2020-04-16,20.11,20.44,19.20,19.30\n"
        "2020-04-17,19.73,20.50,17.31,18.27\n"
        "2020-04-20,17.73,17.85,-40.32,-37.63\n"
        "2020-04-21,-14.00,13.86,-16.74,10.01\n"
        "2020-04-22,11.01,16.18,10.26,10.30\n"
    )
    (bars / "ZZ.csv").write_text("date,open,high,low,close\n2020-04-17,1,1,1,1\n")
    ran = portfold("demo", "--bars", "bars", "--from", "2020-04-17", "--days", "3", "--keep", cwd=tmp_path)
    (pid,) = set(re.findall(r"kill (\d+)$", ran.out, re.MULTILINE))
    try:
        (url,) = re.findall(r"portfold status --url (\S+)", ran.out)
        status = portfold("status", "--url", url, cwd=tmp_path)
        log = Bus(connect(keeper(url)), "main")
        opened = [
            entry.fields for entry in log.events_after(ORIGIN, count=999) if "PositionOpened" in entry.fields
        ]
        state = verify(LiveRecord(log)).state
        log.close()
    finally:
        os.kill(int(pid), signal.SIGTERM)
    assert ran.code == status.code == OK, ran.out + ran.err
    assert "3 trading days, 2020-04-17 to 2020-04-21: 1 trades, P&L $47,615.00" in ran.out
    assert "NO COORDINATOR" in status.out
    (fields,) = opened
    assert fields[fields.index("price") + 1] == "-37.62"  # the close, and a tick of slippage
    assert state.limits is not None
    assert state.limits.symbols == ("CL",)  # there is no contract for ZZ
    assert state.stats.events_rejected == 0
