"""Pieces done on a Dask cluster (`dask.distributed`): many machines, of which any may die.

Guarantees: a piece that a worker took with it is done again by another; so is what all pieces are given,
which the scheduler keeps. A worker whose code, libraries or arithmetic differ from this machine's does no
piece. No wait is without end: where the scheduler falls silent, or no worker is left for a minute, all that
is open fails.
"""

import asyncio
import logging
import pickle
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import dask
import distributed
from distributed import KilledWorker
from distributed.core import rpc

from portfold.pieces.alike import own_ways, unlike
from portfold.pieces.pieces import AHEAD, ClusterUnreachable, ClusterUnusable, WorkLost

_Given = TypeVar("_Given")
_Answer = TypeVar("_Answer")
_Arguments = ParamSpec("_Arguments")

CONNECT_SECONDS = 10
_ANSWER_SECONDS = 30
_LOOK_SECONDS = 1.0
NO_WORKER_SECONDS = 60.0
"""So long a cluster may be without workers: they are started again, or others come."""
_CLOSE_SECONDS = 5
_SETTINGS = {
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    "distributed.admin.large-graph-warning-threshold": "1GB",  # what all pieces are given is sent once
}
_ENVIRONMENT = (
    "Scheduler and workers have to run the portfold of this machine, in an environment like this one."
)


@contextmanager
def on_cluster(address: str, given: _Given) -> Iterator["PiecesOnCluster[_Given]"]:
    """Connects to the scheduler at this address. Raises ClusterUnusable, ClusterUnreachable."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is in our errors
    with dask.config.set(_SETTINGS):
        width = asyncio.run(_width(address))
        client: Any = distributed.Client  # without types
        client = client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="portfold")
        try:
            pieces = PiecesOnCluster(client, address, width, given)
            try:
                yield pieces
            finally:
                pieces.end()
        finally:
            client.close(timeout=_CLOSE_SECONDS)


async def _width(address: str) -> int:
    """Returns how many threads the workers have; waits for the first of them. Raises ClusterUnusable,
    ClusterUnreachable.
    """
    opened: Any = rpc  # without types
    async with opened(address) as scheduler:
        try:
            there = await asyncio.wait_for(scheduler.versions(), CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise ClusterUnreachable(
                f"--cluster: no Dask scheduler answers at {address} within {CONNECT_SECONDS} seconds. "
                "One is started by: dask scheduler"
            ) from error
        except Exception as error:  # whatever another program's bytes are taken for
            raise ClusterUnusable(
                f"--cluster: what answers at {address} is no scheduler of Dask: {type(error).__name__}. "
                f"{_ENVIRONMENT}"
            ) from error
        own = {name: own_ways()[name] for name in ("dask", "distributed")}
        if differs := unlike(own, there["packages"]):
            raise ClusterUnusable(f"--cluster: the scheduler at {address} has {differs}. {_ENVIRONMENT}")
        for _ in range(round(NO_WORKER_SECONDS / _LOOK_SECONDS)):
            try:
                threads = sum((await asyncio.wait_for(scheduler.ncores(), _ANSWER_SECONDS)).values())
            except (OSError, TimeoutError) as error:
                raise ClusterUnreachable(_silent(address)) from error
            if threads:
                return int(threads)
            await asyncio.sleep(_LOOK_SECONDS)
        raise ClusterUnusable(
            f"--cluster: the scheduler at {address} has had no worker for {NO_WORKER_SECONDS:.0f} seconds. "
            f"One is started by: dask worker {address}"
        )


def _silent(address: str) -> str:
    return f"The scheduler at {address} answers no more."


class PiecesOnCluster(Generic[_Given]):
    """Meets `pieces.Pieces`: a thread a piece, on whichever worker is free."""

    threads = 1

    def __init__(self, client: Any, address: str, width: int, given: _Given) -> None:
        self._client, self._address = client, address
        self.width, self.ahead = width, AHEAD * width
        self._loop = client.loop.asyncio_loop
        self._ways = dict(own_ways())
        self._lost: list[WorkLost] = []
        self._open: set[asyncio.Task[Any]] = set()
        packed = pickle.dumps(given, protocol=pickle.HIGHEST_PROTOCOL)
        # A task, not scattered bytes: what its worker took with it is made again.
        key = f"portfold-given-{sha256(packed).hexdigest()}"
        self._given = client.submit(_unpacked, self._ways, packed, key=key)
        # Of what is let go unfinished asyncio would print a traceback.
        self._loop.call_soon_threadsafe(self._loop.set_exception_handler, lambda *_: None)
        self._watch = asyncio.run_coroutine_threadsafe(self._watched(), self._loop)

    def submit(
        self,
        do: Callable[Concatenate[_Given, _Arguments], _Answer],
        /,
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> "Future[_Answer]":
        """Hands in a piece."""
        packed = pickle.dumps((do, arguments, named), protocol=pickle.HIGHEST_PROTOCOL)
        piece = self._client.submit(_done, self._ways, self._given, packed, pure=False)
        return asyncio.run_coroutine_threadsafe(self._answer(piece), self._loop)

    def end(self) -> None:
        """Lets go of what is open; what is under way on a worker is done there to its end, and forgotten."""
        self._watch.cancel()

    async def _answer(self, piece: "distributed.Future[Any]") -> Any:
        task = asyncio.current_task()
        if self._lost:
            raise self._lost[0]
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            return await self._client.gather(piece, asynchronous=True)
        except KilledWorker as killed:
            raise WorkLost(
                f"{killed.allowed_failures + 1} workers of the cluster ended at the same piece of work; "
                "maybe there was not enough memory."
            ) from killed
        except (asyncio.CancelledError, distributed.CancelledError) as cancelled:
            raise next(iter(self._lost), WorkLost(_silent(self._address))) from cancelled
        except OSError as error:
            if self._client.status == "running":
                raise  # the piece's own
            raise WorkLost(_silent(self._address)) from error

    async def _watched(self) -> None:
        """Looks each second whether the scheduler answers and has a worker; ends all that is open if not."""
        seen = time.monotonic()
        while not self._lost:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                threads = await asyncio.wait_for(self._client.scheduler.ncores(), _ANSWER_SECONDS)
            except Exception:  # noqa: BLE001 - whatever ended the watch would leave all that is open waiting
                self._lost.append(WorkLost(_silent(self._address)))
            else:
                seen = time.monotonic() if threads else seen
                if time.monotonic() - seen > NO_WORKER_SECONDS:
                    self._lost.append(
                        WorkLost(
                            f"The cluster at {self._address} has had no worker for {NO_WORKER_SECONDS:.0f} "
                            "seconds."
                        )
                    )
        for task in tuple(self._open):
            task.cancel()


# --- on a worker ----------------------------------------------------------------------------------------


def _unpacked(ways: Mapping[str, str], packed: bytes) -> Any:
    _alike(ways)
    return pickle.loads(packed)  # noqa: S301 - from whoever may run any code here


def _done(ways: Mapping[str, str], given: Any, packed: bytes) -> Any:
    _alike(ways)
    do, arguments, named = pickle.loads(packed)  # noqa: S301 - as above
    return do(given, *arguments, **named)


def _alike(ways: Mapping[str, str]) -> None:
    """Raises ClusterUnusable on a worker that may come to other figures."""
    if differs := unlike(ways, own_ways()):
        raise ClusterUnusable(
            f"--cluster: the worker on {socket.gethostname()} has {differs}. {_ENVIRONMENT}"
        )
