"""`portfold units`: what it writes systemd takes, and the coordinator keeps to what its unit says."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

import pytest

from portfold.cli.exits import OK, UNUSABLE
from portfold.coordinator.process.init_system import InitSystem
from tests.cli.command_line import called
from tests.live import Live
from tests.processes import Coordinators
from tests.waiting import until

ANALYZE = shutil.which("systemd-analyze")


def written(folder: Path, *words: str) -> dict[str, RawConfigParser]:
    ran = called("units", str(folder), *words, cwd=folder.parent)
    assert (ran.code, ran.err) == (OK, "")
    assert [Path(line).name for line in ran.out.splitlines()[:-1]] == [
        *(f"portfold-{name}@.service" for name in ("coordinator", "standby", "run", "notifier", "dashboard")),
        *("portfold-archive@.service", "portfold-archive@.timer", "portfold@.target"),
    ]
    return {path.name: parsed(path) for path in folder.iterdir()}


def parsed(path: Path) -> RawConfigParser:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(path.read_text(encoding="utf-8"))
    return unit


def test_each_process_is_started_again_unless_its_configuration_keeps_it_from_starting(
    tmp_path: Path,
) -> None:
    units = written(tmp_path / "units", "--user", "desk", "--configurations", "/srv/portfold")
    services = {name: unit["Service"] for name, unit in units.items() if name.endswith(".service")}
    assert {service["User"] for service in services.values()} == {"desk"}
    for name, service in services.items():
        program, *words = service["ExecStart"].split()
        assert Path(program).is_file()
        where = words.index("--portfolio")
        assert words[where : where + 4] == ["--portfolio", "%i", "--config", "/srv/portfold/%i"]
        if "archive" not in name:
            assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", str(UNUSABLE))
    assert services["portfold-coordinator@.service"]["Type"] == "notify"
    assert services["portfold-run@.service"]["Environment"] == "XDG_STATE_HOME=%S"
    wanted = units["portfold@.target"]["Unit"]
    assert wanted["After"] == "network-online.target"


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd here")
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "units"
    written(folder, "--user", "root")
    (folder / "network-online.target").write_text("[Unit]\nDescription=here\n", encoding="utf-8")
    instances = [
        shutil.copy(path, folder / path.name.replace("@.", "@desk."))
        for path in [*folder.iterdir()]
        if "@." in path.name
    ]
    found = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", "--recursive-errors=no", *map(str, instances)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "a b"), "--user: expected the name of a user"),
        (("--user", "x\nExecStart=evil"), "--user: expected the name of a user"),
        (("--configurations", "etc"), "--configurations: expected a folder from / on"),
        (("--configurations", "/etc/%h"), "--configurations: expected a folder from / on"),
    ],
)
def test_what_could_not_stand_in_a_unit_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ran = called("units", str(tmp_path / "units"), *words, cwd=tmp_path)
    assert (ran.code, ran.out) == (UNUSABLE, "")
    assert said in ran.err
    assert not (tmp_path / "units").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    written(tmp_path / "units")
    again = called("units", str(tmp_path / "units"), cwd=tmp_path)
    assert again.code == UNUSABLE
    assert "no such file yet" in again.err


# --- what the coordinator tells the init system -----------------------------------------------------------


class Told:
    """The init system's socket: what it was told, line by line."""

    def __init__(self, address: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(address))
        self.socket.settimeout(0)
        self.lines: list[str] = []

    def hear(self) -> list[str]:
        while True:
            try:
                self.lines += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.lines

    def says(self, line: str) -> bool:
        return line in self.hear()


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    init_system = Told(address)
    yield init_system
    init_system.socket.close()


def test_a_coordinator_says_that_it_is_ready_goes_on_and_ends(
    told: Told, coordinators: Coordinators, live: Live
) -> None:
    process = coordinators.start()
    until(lambda: told.says("STATUS=Leading"), "the leader to say so")
    assert told.lines[:3] == ["READY=1", "STATUS=Leading", "WATCHDOG=1"]
    live.enters("ES")
    until(lambda: told.hear().count("WATCHDOG=1") >= 2, "another sign of life")
    process.stop()
    assert told.hear()[-1] == "STOPPING=1"
    assert told.lines.count("READY=1") == 1


def test_a_sign_of_life_is_given_once_a_second_and_what_it_does_when_that_changes(
    told: Told, tmp_path: Path
) -> None:
    moments = iter([0.0, 0.5, 0.9, 1.0, 1.5])
    init_system = InitSystem(str(tmp_path / "notify"), lambda: next(moments))
    for doing in ("", "", "Standing by", "Standing by", "Leading"):
        init_system.alive(doing)
    assert told.hear() == ["WATCHDOG=1", "READY=1", "STATUS=Standing by", "WATCHDOG=1", "STATUS=Leading"]


@pytest.mark.parametrize("address", ["", "@portfold-nobody-listens", "/nowhere/at/all"])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    init_system = InitSystem(address)
    init_system.alive("Leading")
    init_system.ending()


def test_one_that_stands_by_says_for_whom(told: Told, coordinators: Coordinators, live: Live) -> None:
    coordinators.start()
    leader = live.bus.leader()
    coordinators.start(ready=False)
    until(lambda: told.says(f"STATUS=Standing by for {leader}"), "the standby to say so")
