"""A real Dask cluster for a test: a scheduler in this process, workers in processes of their own."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import distributed

from portfold.pieces.place import Place
from tests.processes import is_gone
from tests.waiting import until

_PATIENCE_SECONDS = 150.0
"""A worker is a Python that imports much, on a machine that may be busy."""


class Cluster(NamedTuple):
    """`place` is where pieces go; `all` is Dask's own handle."""

    place: Place
    all: Any

    def kill_one(self) -> None:
        """Ends a worker's process as a crash would; whoever looks after it starts another."""
        kill(self.processes()[0])

    def whole(self, workers: int = 2) -> None:
        """Waits until so many workers are there: one that was killed is started again."""
        until(lambda: len(self.all.scheduler.workers) == workers, "all workers", seconds=_PATIENCE_SECONDS)

    def processes(self) -> list[int]:
        """The workers' process numbers."""
        return [nanny.pid for nanny in self.all.workers.values() if nanny.pid is not None]


def kill(process: int) -> None:
    """Ends a process at once, and waits until it is gone."""
    os.kill(process, signal.SIGKILL)
    until(lambda: is_gone(process), "the end of a worker that was killed")


@contextmanager
def cluster(workers: int = 2) -> Iterator[Cluster]:
    """Starts a cluster on this machine; none of it outlives the block."""
    local: Any = distributed.LocalCluster
    with local(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0") as started:
        yield Cluster(Place(cluster=started.scheduler_address), started)
