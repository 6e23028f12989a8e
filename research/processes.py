"""Runs work in several processes, which end with the process that started them, however that ends.

Processes are spawned, never forked, so that they work alike on every system; they leave Ctrl-C to the process
that started them. Each holds one end of a pipe and ends as soon as the other end is closed.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait


@contextmanager
def processes(jobs: int, begin: Callable[..., object] | None = None, *given: object) -> Iterator[Executor]:
    """Starts `jobs` processes, each of which begins by calling `begin` with the arguments `given`.

    At the end of the block work that has not begun is cancelled, and work under way is waited for; a block
    that fails or is interrupted ends the processes at once.
    """
    context = get_context("spawn")
    leash, held = context.Pipe(duplex=False)
    with leash, held, _until_left(ProcessPoolExecutor(jobs, context, _begin, (leash, begin, given))) as pool:
        # A spawned process inherits the blocked signal, so Ctrl-C reaches this process alone from the start.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(jobs):
                pool.submit(os.getpid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield pool
        except BaseException:
            held.close()
            raise


@contextmanager
def _until_left(pool: Executor) -> Iterator[Executor]:
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """Counts the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(leash: Connection, begin: Callable[..., object] | None, given: tuple[object, ...]) -> None:
    threading.Thread(target=_end_when_let_go, args=(leash,), daemon=True).start()
    if begin is not None:
        begin(*given)


def _end_when_let_go(leash: Connection) -> None:
    wait([leash])
    os._exit(1)
