"""Pieces done in several processes, which end with the process that started them, however that ends.

Processes are spawned, never forked, so that they work alike on every system; they leave Ctrl-C to the process
that started them. Each is given what all pieces share once, and holds one end of a pipe: it ends as soon as
the other end is closed.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from portfold.pieces.pieces import AHEAD, WorkLost

_Given = TypeVar("_Given")
_Answer = TypeVar("_Answer")
_Arguments = ParamSpec("_Arguments")


class PiecesInProcesses(Generic[_Given]):
    """Meets `pieces.Pieces`: one piece a process, one thread a piece."""

    threads = 1

    def __init__(self, pool: Executor, width: int) -> None:
        self._pool, self.width, self.ahead = pool, width, AHEAD * width

    def submit(
        self,
        do: Callable[Concatenate[_Given, _Arguments], _Answer],
        /,
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> "Future[_Answer]":
        """Hands in a piece."""
        answer: Future[_Answer] = Future()

        def done(piece: "Future[_Answer]") -> None:
            if piece.cancelled():
                answer.cancel()
            elif isinstance(error := piece.exception(), BrokenProcessPool):
                answer.set_exception(_lost(error))
            elif error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(piece.result())

        try:
            self._pool.submit(_do, do, arguments, named).add_done_callback(done)
        except BrokenProcessPool as broken:
            answer.set_exception(_lost(broken))
        return answer


@contextmanager
def in_processes(jobs: int, given: _Given) -> Iterator[PiecesInProcesses[_Given]]:
    """Starts `jobs` processes, each of which is given the same.

    At the end of the block pieces that have not begun are cancelled, and those under way are waited for; a
    block that fails or is interrupted ends the processes at once.
    """
    context = get_context("spawn")
    leash, held = context.Pipe(duplex=False)
    with leash, held, _until_left(ProcessPoolExecutor(jobs, context, _begin, (leash, given))) as pool:
        # A spawned process inherits the blocked signal, so Ctrl-C reaches this process alone from the start.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(jobs):
                pool.submit(os.getpid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield PiecesInProcesses(pool, jobs)
        except BaseException:
            held.close()
            raise


@contextmanager
def _until_left(pool: Executor) -> Iterator[Executor]:
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _lost(broken: BrokenProcessPool) -> WorkLost:
    lost = WorkLost("A process that worked was ended from outside; maybe there was not enough memory.")
    lost.__cause__ = broken
    return lost


# --- in such a process ----------------------------------------------------------------------------------

_SENDING_SECONDS = 10.0


class _AtWork:
    """Whether a piece is being done. Only then may the process end at once: elsewhere it may be in the middle
    of an answer, and whoever reads the half of one waits for the rest for ever.
    """

    def __init__(self) -> None:
        self._edge, self._is_doing = threading.Condition(), False

    @contextmanager
    def doing(self) -> Iterator[None]:
        with self._edge:
            self._is_doing = True
            self._edge.notify_all()
        try:
            yield
        finally:
            with self._edge:
                self._is_doing = False

    def end(self) -> None:
        """Ends the process in the middle of a piece, or where none is begun while an answer may be sent."""
        with self._edge:
            self._edge.wait_for(lambda: self._is_doing, _SENDING_SECONDS)
            os._exit(1)


_at_work = _AtWork()
_given: list[object] = []
"""What all pieces share: one thing a process."""


def _begin(leash: Connection, given: object) -> None:
    threading.Thread(target=_end_when_let_go, args=(leash,), daemon=True).start()
    _given.append(given)
    gc.freeze()  # it stays: the collector need not walk through it again and again


def _do(do: Callable[..., Any], arguments: tuple[object, ...], named: dict[str, object]) -> Any:
    with _at_work.doing():
        return do(_given[0], *arguments, **named)


def _end_when_let_go(leash: Connection) -> None:
    wait([leash])
    _at_work.end()
