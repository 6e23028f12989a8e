"""The supervisor with real processes: the killed come back, who only fails is given up, nobody is left."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.log import open_log
from portfold.workers.run.supervisor import RestartPauses, SupervisedChild, Supervisor
from tests.processes import ROOT, Logged, is_gone
from tests.waiting import until

QUICK = RestartPauses(first_seconds=0.01, longest_seconds=0.05, steady_seconds=60, failures=4)
# Notes its process's ID, then stays until its standard input closes or it is told to end.
STAYS = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); sys.stdin.read()"
DEAF = (
    "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
    "while True: signal.pause()"
)


class Watched(Logged):
    """A supervisor at work in a thread of its own."""

    def __init__(
        self,
        children: list[SupervisedChild],
        backoff: RestartPauses,
        end_seconds: float,
        needed: Callable[[], str],
    ) -> None:
        self._said = io.StringIO()
        log, self._lines = open_log("supervisor", target=self._said)
        self.stop = threading.Event()
        self.given_up: list[str] | None = None
        supervisor = Supervisor(children, log=log, backoff=backoff, end_seconds=end_seconds, needed=needed)

        def work() -> None:
            self.given_up = supervisor.run(self.stop)

        self._thread = threading.Thread(target=work)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def written(self) -> str:
        return self._said.getvalue()

    def ends(self) -> list[str] | None:
        self._thread.join(30)
        assert not self.running
        self._lines.close()
        return self.given_up


@contextmanager
def watching(
    *children: SupervisedChild,
    backoff: RestartPauses = QUICK,
    end_seconds: float = 10.0,
    needed: Callable[[], str] = str,
) -> Iterator[Watched]:
    watched = Watched(list(children), backoff, end_seconds, needed)
    try:
        yield watched
    finally:
        watched.stop.set()
        watched.ends()


def child(name: str, code: str, *words: object, stands_by: bool = False) -> SupervisedChild:
    return SupervisedChild(name, [sys.executable, "-c", code, *map(str, words)], stands_by=stands_by)


def pids(file: Path, count: int) -> list[int]:
    """The IDs that were noted, once there are so many."""

    def noted() -> list[int]:
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    until(lambda: len(noted()) >= count, f"{count} starts")
    return noted()


def test_a_child_killed_is_started_again(tmp_path: Path) -> None:
    with watching(child("ES", STAYS, tmp_path / "pids")) as watched:
        (first,) = pids(tmp_path / "pids", 1)
        os.kill(first, signal.SIGKILL)
        _, second = pids(tmp_path / "pids", 2)
        watched.says("ES was killed by SIGKILL; starting it again")
        assert not is_gone(second)
    assert is_gone(second)
    assert watched.given_up == []


def test_a_child_that_fails_at_once_backs_off_and_is_given_up_loudly() -> None:
    with watching(child("ES", "raise SystemExit(7)")) as watched:
        assert watched.ends() == ["ES"]
        again = [line for line in watched.lines() if "starting it again" in line["event"]]
    assert [line["in_seconds"] for line in again] == [0.01, 0.02, 0.04]
    loud = [line for line in watched.lines() if line["level"] == "critical"]
    assert [line["event"] for line in loud] == ["GIVEN UP: ES ended with exit code 7, 4 times in a row"]


def test_what_ends_with_a_hopeless_exit_code_is_given_up_at_once() -> None:
    refused = SupervisedChild("ES", [sys.executable, "-c", "raise SystemExit(2)"], hopeless=2)
    with watching(refused) as watched:
        assert watched.ends() == ["ES"]
    watched.says("GIVEN UP: ES ended with exit code 2, which another start would not change")
    assert not any("starting it again" in line["event"] for line in watched.lines())


def test_one_given_up_leaves_the_others_at_work(tmp_path: Path) -> None:
    with watching(child("CL", "raise SystemExit(1)"), child("ES", STAYS, tmp_path / "pids")) as watched:
        watched.says("GIVEN UP: CL")
        (pid,) = pids(tmp_path / "pids", 1)
        assert not is_gone(pid)
        assert watched.running


def test_what_stands_by_is_never_given_up() -> None:
    flattener = SupervisedChild(
        "flattener", [sys.executable, "-c", "raise SystemExit(2)"], stands_by=True, hopeless=2
    )
    with watching(flattener, child("ES", "import sys; sys.stdin.read()")) as watched:
        watched.says(
            "flattener ended with exit code 2, which another start would not change; trying on", times=3
        )
        watched.stop.set()
        assert watched.ends() == []


@pytest.mark.parametrize(("code", "given_up"), [("raise SystemExit(1)", ["ES"]), ("pass", [])])
def test_what_stands_by_stays_for_what_the_workers_have_left_open(
    tmp_path: Path, code: str, given_up: list[str]
) -> None:
    left = ["ES long 1"]
    flattener = child("flattener", STAYS, tmp_path / "pids", stands_by=True)
    with watching(flattener, child("ES", code), needed=lambda: "".join(left)) as watched:
        watched.says("No worker is left, and not all is closed: what stands by stays")
        assert watched.lines()[-1]["left"] == "ES long 1"
        (pid,) = pids(tmp_path / "pids", 1)
        assert not is_gone(pid)
        left.clear()
        assert watched.ends() == given_up
    assert is_gone(pid)


def test_it_ends_when_told_to_whatever_is_left_open(tmp_path: Path) -> None:
    flattener = child("flattener", STAYS, tmp_path / "pids", stands_by=True)
    with watching(flattener, child("ES", "pass"), needed=lambda: "ES long 1") as watched:
        watched.says("No worker is left")
        watched.stop.set()
        assert watched.ends() == []


def test_a_command_that_cannot_be_started_is_given_up_as_well() -> None:
    with watching(SupervisedChild("ES", ["/no/such/program"])) as watched:
        assert watched.ends() == ["ES"]
    watched.says("GIVEN UP: ES could not be started: No such file or directory")


def test_what_has_run_for_long_enough_starts_with_a_clean_record() -> None:
    """Every life is long enough here, so it would be started again for ever."""
    steady = RestartPauses(first_seconds=0.01, longest_seconds=0.01, steady_seconds=0.0, failures=2)
    with watching(child("ES", "raise SystemExit(1)"), backoff=steady) as watched:
        watched.says("starting it again", times=5)
        assert watched.running


def test_it_ends_when_all_workers_have_done_and_takes_along_what_stands_by(tmp_path: Path) -> None:
    stands_by = child("flattener", STAYS, tmp_path / "pids", stands_by=True)
    wait = (
        "import pathlib, sys\npids = pathlib.Path(sys.argv[1])\n"
        "while not (pids.exists() and pids.stat().st_size): pass"
    )
    with watching(child("ES", wait, tmp_path / "pids"), stands_by) as watched:
        assert watched.ends() == []
    (pid,) = pids(tmp_path / "pids", 1)
    assert is_gone(pid)
    started = [line["child"] for line in watched.lines() if line["event"] == "Started"]
    assert started == ["flattener", "ES"]


def test_what_stands_by_is_started_again_even_if_it_ended_well(tmp_path: Path) -> None:
    flattener = child("flattener", "pass", stands_by=True)
    with watching(child("ES", STAYS, tmp_path / "pids"), flattener) as watched:
        watched.says("flattener ended with exit code 0; starting it again")


def test_what_may_end_by_itself_is_not_started_again_once_it_has(tmp_path: Path) -> None:
    feed = SupervisedChild("feed", [sys.executable, "-c", "pass"], stands_by=True, may_end=True)
    with watching(child("ES", STAYS, tmp_path / "pids"), feed) as watched:
        watched.says("Done")
    assert not any("starting it again" in line["event"] for line in watched.lines())


def test_a_child_that_does_not_end_when_told_to_is_killed(tmp_path: Path) -> None:
    with watching(child("ES", DEAF, tmp_path / "pids"), end_seconds=0.2) as watched:
        (pid,) = pids(tmp_path / "pids", 1)
    assert is_gone(pid)
    watched.says("Did not end when told to; killed")


def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    """The pipe closes with it: whoever reads that, as the leash of the command line does, can go."""
    code = (
        "import sys, threading\n"
        "from portfold.log import open_log\n"
        "from portfold.workers.run.supervisor import SupervisedChild, Supervisor\n"
        "child = SupervisedChild('ES', [sys.executable, '-c', sys.argv[1], sys.argv[2]])\n"
        "Supervisor([child], log=open_log('s')[0]).run(threading.Event())\n"
    )
    words = [sys.executable, "-c", code, STAYS, str(tmp_path / "pids")]
    with subprocess.Popen(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
    ) as it:
        (pid,) = pids(tmp_path / "pids", 1)
        it.kill()
    until(lambda: is_gone(pid), "the child to go")


@given(st.floats(0.001, 10), st.floats(1, 100), st.integers(1, 10_000))
def test_pauses_grow_to_a_bound_and_never_beyond(first: float, times: float, failures: int) -> None:
    backoff = RestartPauses(first_seconds=first, longest_seconds=first * times)
    assert backoff.pause(1) == first
    assert backoff.pause(failures) <= backoff.pause(failures + 1) <= first * times


@pytest.mark.parametrize("failures", [1, 2])
def test_as_many_failures_as_are_enough_are_enough(failures: int) -> None:
    backoff = RestartPauses(first_seconds=0.01, longest_seconds=0.01, failures=failures)
    with watching(child("ES", "raise SystemExit(1)"), backoff=backoff) as watched:
        assert watched.ends() == ["ES"]
    assert json.dumps(watched.texts()).count('"Started"') == failures
