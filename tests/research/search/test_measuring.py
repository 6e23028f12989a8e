"""Measured in one process or in many, it comes to the same; and none of them outlives who started it."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest

from portfold.pieces.pieces import cores
from portfold.pieces.place import Place
from portfold.research.errors import ResearchError
from portfold.research.search.evaluation import (
    Histories,
    Submit,
    complete,
    keeping,
    measuring,
    run_searches,
)
from portfold.research.search.resume_log import MeasuredSet, ResumeLog
from portfold.research.search.search import Symbols, Visited, greedy
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Metrics
from tests.processes import is_gone
from tests.research.made import random_trades, scenario_of
from tests.waiting import until

ROOT = Path(__file__).parents[3]
LEVELS = (1, 3)


def searched(scenario: Scenario, resume_log: ResumeLog, jobs: int) -> dict[int, list[Visited]]:
    with measuring(scenario, Place(jobs)) as submit:
        return run_searches(
            {level: greedy(scenario.symbols) for level in LEVELS},
            submit.measure,
            resume_log,
            lambda _: None,
            ahead=submit.ahead,
        )


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(random_trades(3, each=15))


def test_many_processes_come_to_the_same_as_one(scenario: Scenario, tmp_path: Path) -> None:
    found = []
    for jobs in (1, 2):
        with ResumeLog(tmp_path / f"{jobs}.search", scenario.digest()) as resume_log:
            found.append((searched(scenario, resume_log, jobs), sorted(resume_log.tried, key=_place)))
    assert found[0] == found[1]


def test_many_processes_and_one_come_to_the_same_daily_returns(scenario: Scenario, tmp_path: Path) -> None:
    found: list[Histories] = [{}, {}]
    for jobs, histories in enumerate(found, start=1):
        resume_log = ResumeLog(tmp_path / f"{jobs}.search", scenario.digest())
        with resume_log, measuring(scenario, Place(jobs)) as submit:
            greedily = {1: greedy(("CL", "ES"))}
            run_searches(
                greedily, keeping(histories, submit.both), resume_log, lambda _: None, ahead=submit.ahead
            )
            assert set(histories) == {(1, one.symbols) for one in resume_log.tried}
            complete(histories, [(1, ("CL", "ES")), (3, ("GC",))], submit.returns)
    assert set(found[0]) == set(found[1]) == {(1, ("CL", "ES")), (1, ("CL",)), (1, ("ES",)), (3, ("GC",))}
    assert all((found[0][one] == found[1][one]).all() for one in found[0])
    assert (found[0][3, ("GC",)] == scenario.returns(("GC",), 3)).all()


def _place(one: MeasuredSet) -> tuple[int, tuple[str, ...]]:
    return one.max_positions, one.symbols


def test_what_is_in_the_resume_log_is_not_measured_again(scenario: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "greedy.search"
    with ResumeLog(path, scenario.digest()) as resume_log:
        whole = searched(scenario, resume_log, 1)
        everything = resume_log.tried
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    progress: list[int] = []
    with ResumeLog(path, scenario.digest()) as resume_log, measuring(scenario, Place(1)) as submit:
        again = run_searches(
            {level: greedy(scenario.symbols) for level in LEVELS},
            submit.measure,
            resume_log,
            progress.append,
            ahead=submit.ahead,
        )
        assert again == whole
        assert progress == list(range(resume_log.found + 1, len(everything) + 1))


def test_an_error_in_measuring_is_the_searchs(scenario: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "greedy.search"
    with (
        ResumeLog(path, "x") as resume_log,
        pytest.raises(ZeroDivisionError),
        measuring(scenario, Place(1)) as submit,
    ):
        run_searches(
            {1: greedy(scenario.symbols)},
            _failing(submit.measure, after=3),
            resume_log,
            lambda _: None,
            ahead=submit.ahead,
        )


def _failing(submit: Submit, *, after: int) -> Submit:
    """Fails at the measurement after so many."""
    asked = iter(range(after))

    def failing(level: int, symbols: Symbols) -> "Future[Metrics]":
        if next(asked, None) is not None:
            return submit(level, symbols)
        failed: Future[Metrics] = Future()
        failed.set_exception(ZeroDivisionError())
        return failed

    return failing


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


# --- processes ------------------------------------------------------------------------------------------

_SEARCH_FOR_EVER = """
import sys
from pathlib import Path
from portfold.research.search.resume_log import ResumeLog
from portfold.pieces.place import Place
from portfold.research.search.evaluation import measuring, run_searches
from portfold.research.search.search import greedy
from tests.research.made import scenario_of, random_trades

if __name__ == "__main__":
    scenario = scenario_of(random_trades(1, each=150))
    resume_log = ResumeLog(Path(sys.argv[1]), scenario.digest())
    with resume_log, measuring(scenario, Place(2)) as submit:
        searches = {level: greedy(scenario.symbols) for level in range(1, 50)}
        run_searches(searches, submit.measure, resume_log, lambda _: None, ahead=submit.ahead)
"""


@pytest.fixture
def search(tmp_path: Path) -> "subprocess.Popen[bytes]":
    """A search that takes long, in two processes of its own, and has begun."""
    script, resume_log = tmp_path / "search.py", tmp_path / "a.search"
    script.write_text(_SEARCH_FOR_EVER)
    started = subprocess.Popen(
        [sys.executable, script, resume_log],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(
        lambda: resume_log.exists() and resume_log.read_bytes().count(b"\n") > 3, "the search to have begun"
    )
    return started


def children_of(process: int) -> list[int]:
    """Those that measure for it."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "ppid=,pid=,args="], capture_output=True, text=True, check=True
    )
    lines = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    return [int(pid) for parent, pid, command in lines if int(parent) == process and "spawn_main" in command]


def test_processes_that_measure_end_with_the_one_who_was_killed(search: "subprocess.Popen[bytes]") -> None:
    own = children_of(search.pid)
    assert len(own) == 2
    search.kill()
    search.communicate(timeout=20)
    until(lambda: all(is_gone(process) for process in own), "the end of those that measured")


def test_ctrl_c_ends_them_all_without_a_word_of_theirs(search: "subprocess.Popen[bytes]") -> None:
    own = children_of(search.pid)
    for process in (*own, search.pid):  # all of them, as from a terminal
        os.kill(process, signal.SIGINT)
    _, err = search.communicate(timeout=30)
    printed = err.decode()
    assert search.returncode in (-signal.SIGINT, 130, 1)
    assert printed.count("Traceback") == 1, printed
    assert "KeyboardInterrupt" in printed.splitlines()[-1]
    until(lambda: all(is_gone(process) for process in own), "the end of those that measured")


def test_when_one_that_measures_is_killed_the_search_says_so(scenario: Scenario, tmp_path: Path) -> None:
    with ResumeLog(tmp_path / "a.search", "x") as resume_log, measuring(scenario, Place(2)) as submit:

        def killing(level: int, symbols: Symbols) -> "Future[Metrics]":
            for process in children_of(os.getpid()):
                with suppress(ProcessLookupError):  # it was killed with an earlier one
                    os.kill(process, signal.SIGKILL)
            return submit.measure(level, symbols)

        with pytest.raises(ResearchError, match="ended from outside"):
            run_searches(
                {1: greedy(scenario.symbols)}, killing, resume_log, lambda _: None, ahead=submit.ahead
            )
