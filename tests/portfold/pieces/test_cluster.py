"""Pieces on a real cluster of two worker processes: alike wherever, and whoever dies costs time alone."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.pieces import alike, cluster
from portfold.pieces.pieces import ClusterUnreachable, ClusterUnusable, WorkLost, in_order
from portfold.pieces.place import Place
from tests import clusters
from tests.portfold.pieces import some
from tests.waiting import until


@pytest.fixture(scope="module")
def two() -> Iterator[clusters.Cluster]:
    with clusters.cluster() as started:
        yield started


def test_a_worker_that_dies_under_a_piece_costs_time_alone(two: clusters.Cluster, tmp_path: Path) -> None:
    with two.place.working(str(tmp_path)) as pieces:
        under_way = [pieces.submit(some.held_up, number) for number in range(8)]
        begun = until(lambda: [one.name for one in tmp_path.iterdir()], "a piece under way")
        clusters.kill(int(begun[0].split("-")[2]))
        (tmp_path / "go").touch()
        assert [one.result()[0] for one in under_way] == list(range(8))


def test_a_piece_that_ends_every_worker_is_given_up(
    two: clusters.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.whole()
    monkeypatch.setattr(two.all.scheduler, "allowed_failures", 1)  # else it is three
    with two.place.working("given") as pieces:
        with pytest.raises(WorkLost, match="2 workers of the cluster ended at the same piece"):
            pieces.submit(some.die, 1).result()
        assert list(in_order(pieces, some.with_number, range(3))) == ["given 0", "given 1", "given 2"]


def test_what_a_piece_raises_comes_back(two: clusters.Cluster) -> None:
    with two.place.working("given") as pieces, pytest.raises(KeyError, match="7"):
        pieces.submit(some.refuse, 7).result()


def test_a_worker_that_may_come_to_other_figures_does_no_piece(
    two: clusters.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**alike.own_ways(), "numpy": "1.0"}
    monkeypatch.setattr(cluster, "own_ways", lambda: other)
    with (
        two.place.working("given") as pieces,
        pytest.raises(ClusterUnusable, match=r"worker on .* has numpy [2-9].* where this machine has 1\.0"),
    ):
        pieces.submit(some.with_number, 1).result()


def test_a_scheduler_of_another_version_is_refused(
    two: clusters.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**alike.own_ways(), "distributed": "2020.1.0"}
    monkeypatch.setattr(cluster, "own_ways", lambda: other)
    expected = r"the scheduler at tcp.* has distributed 20.* where this machine has 2020\.1\.0"
    with pytest.raises(ClusterUnusable, match=expected), two.place.working("given"):
        pass


def test_a_cluster_without_workers_is_waited_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "NO_WORKER_SECONDS", 2)
    with (
        clusters.cluster(workers=0) as empty,
        pytest.raises(ClusterUnusable, match=r"no worker for 2 seconds. One is started by: dask worker tcp"),
        empty.place.working("given"),
    ):
        pass


def test_where_all_workers_leave_what_is_open_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cluster, "NO_WORKER_SECONDS", 2)
    with clusters.cluster(workers=1) as alone, alone.place.working(str(tmp_path)) as pieces:
        piece = pieces.submit(some.held_up, 1)
        until(lambda: list(tmp_path.iterdir()), "a piece under way")
        (tmp_path / "go").touch()  # whoever holds it is not to linger
        piece.result()
        alone.all.scale(0)
        with pytest.raises(WorkLost, match="has had no worker for 2 seconds"):
            pieces.submit(some.with_number, 2).result()
        with pytest.raises(WorkLost, match="has had no worker for 2 seconds"):
            pieces.submit(some.with_number, 3).result()


def test_a_scheduler_that_answers_nonsense_is_waited_for_no_longer(
    two: clusters.Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nonsense(**_: object) -> None:
        raise ValueError

    with two.place.working(str(tmp_path)) as pieces:
        piece = pieces.submit(some.held_up, 1)
        monkeypatch.setitem(two.all.scheduler.handlers, "ncores", nonsense)
        with pytest.raises(WorkLost, match="answers no more"):
            piece.result()
        (tmp_path / "go").touch()  # whoever holds it is not to linger


_SCHEDULER = """
import asyncio, distributed
async def serve():
    async with distributed.Scheduler(host="127.0.0.1", port=0, dashboard_address=":0") as scheduler:
        async with distributed.Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await asyncio.Event().wait()
asyncio.run(serve())
"""


def test_where_the_scheduler_dies_what_is_open_fails(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _SCHEDULER], stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            with Place(cluster=served.stdout.readline().strip()).working(str(tmp_path)) as pieces:
                piece = pieces.submit(some.held_up, 1)
                served.kill()
                with pytest.raises(WorkLost, match=r"The scheduler at tcp://127.0.0.1:\d+ answers no more"):
                    piece.result()
        finally:
            served.kill()


def test_where_nobody_answers_it_is_said_how_a_scheduler_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        expected = (
            f"no Dask scheduler answers at {address} within 1 seconds. One is started by: dask scheduler"
        )
        with pytest.raises(ClusterUnreachable, match=expected), Place(cluster=address).working("given"):
            pass
