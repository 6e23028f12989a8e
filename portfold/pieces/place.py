"""Where pieces are done: as many processes of this machine as are named, or a cluster."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from msgspec import Struct

from portfold.pieces.here import here
from portfold.pieces.pieces import ClusterUnusable, Pieces, cores
from portfold.pieces.processes import in_processes

_Given = TypeVar("_Given")
_ADDRESS = re.compile(r"tcp://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})").fullmatch


class Place(Struct, frozen=True):
    """`jobs` processes of this machine, this one alone where it is 1; or the cluster whose scheduler answers
    at `cluster`, tcp://HOST:PORT."""

    jobs: int = 1
    cluster: str = ""

    def at_most(self, pieces: int) -> "Place":
        """Returns the same place with no more processes here than there are pieces."""
        return self if self.cluster else Place(max(1, min(self.jobs, pieces)))

    @contextmanager
    def working(self, given: _Given) -> Iterator[Pieces[_Given]]:
        """Opens the place for pieces that are all given the same; what has not begun at the end is left.

        Raises ClusterUnusable, ClusterUnreachable.
        """
        if self.cluster:
            from portfold.pieces.cluster import on_cluster  # noqa: PLC0415 - an extra, and heavy

            with on_cluster(self.cluster, given) as pieces:
                yield pieces
        elif self.jobs == 1:
            with here(given) as alone:
                yield alone
        else:
            with in_processes(self.jobs, given) as several:
                yield several


HERE = Place()
"""This process alone."""


def place_of(jobs: int | None = None, cluster: str | None = None) -> Place:
    """Returns the place that options name: by default a process for each core. Raises ClusterUnusable."""
    if cluster is None:
        return Place(jobs or cores())
    match = _ADDRESS(cluster)
    if match is None or not 0 < int(match[1]) < 65_536:
        raise ClusterUnusable(f"--cluster: expected tcp://HOST:PORT of a scheduler, got {cluster[:80]!r}.")
    return Place(cluster=cluster)
