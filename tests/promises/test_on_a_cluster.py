"""What runs on a Dask cluster comes to what this machine comes to, to the last bit, whoever dies."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from portfold.coordinator.audit.what_if.shared_out import sweep_in_pieces
from portfold.coordinator.audit.what_if.sweep import read_range, sweep
from portfold.pieces.place import HERE, Place
from portfold.research.kernel.available import UseKernel
from portfold.research.search.optimizer import optimize
from portfold.research.search.plan import SearchPlan
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints
from tests import clusters
from tests.audit.in_memory import InMemory
from tests.audit.supposing import WrittenDown
from tests.cli.command_line import called
from tests.research.made import random_trades, scenario_of

SYMBOLS = ("ES", "CL", "6E", "GC")


@pytest.fixture(scope="module")
def two() -> Iterator[clusters.Cluster]:
    with clusters.cluster() as started:
        yield started


def searched(
    place: Place, kernel: UseKernel, folder: Path, on_progress: Callable[[int], object] = lambda _: None
) -> bytes:
    """All that a search of all sets comes to, as it is written down."""
    train, test = (scenario_of(random_trades(seed, SYMBOLS, each=30), drawings=2) for seed in (11, 12))
    plan = SearchPlan((1, 2), Constraints(1e9, 1_000), "always", place, 1, kernel=kernel)
    with ResumeLog(folder / f"{place.jobs}{place.cluster[-5:]}{kernel}.search", train.digest()) as resume_log:
        return msgspec.json.encode(optimize(train, test, plan, resume_log, on_progress))


@pytest.mark.parametrize("kernel", ["always", "never"])
def test_a_search_comes_to_the_same_here_and_there_though_a_worker_dies_under_it(
    two: clusters.Cluster, kernel: UseKernel, tmp_path: Path
) -> None:
    done: list[int] = []

    def killing(count: int) -> None:
        if not done:
            two.kill_one()
        done.append(count)

    assert searched(two.place, kernel, tmp_path, killing) == searched(HERE, kernel, tmp_path)
    assert done


def test_a_sweep_comes_to_the_same_in_one_reading_in_processes_and_there(two: clusters.Cluster) -> None:
    story, fixed = WrittenDown(), {"max_contracts": "5"}
    for symbol in ("ES", "CL", "RTY"):
        story.enters(symbol)
        story.closes(symbol, "-10")
    recorded, ranges = list(InMemory(story.log).recorded()), [read_range("max_entries=1..5")]
    whole = sweep(recorded, ranges, fixed)
    assert [point.tally.denied.total() for point in whole] == [2, 1, 0, 0, 0]
    for place in (HERE, Place(2), two.place):
        answered: list[int] = []
        assert sweep_in_pieces(recorded, ranges, fixed, place, answered.append) == whole
        assert answered[-1] == 5


def test_a_backtest_comes_to_the_same_files_here_and_there(two: clusters.Cluster, tmp_path: Path) -> None:
    market = ("--bars", "synthetic", "--days", "5", "--symbols", "ES,CL")
    places = {"here": ("--jobs", "1"), "there": ("--cluster", two.place.cluster)}
    for folder, place in places.items():
        ran = called("research", "backtest", *market, "--results-dir", folder, *place, cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
    here, there = (files_in(tmp_path / folder) for folder in places)
    assert len(here) == 6
    assert here == there


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
