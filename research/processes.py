"""Work in several processes, which end with the one who started them, however that one ends.

Processes are spawned, never forked, so that it works alike wherever it runs; they leave Ctrl-C to the one who
started them. Each holds an end of a pipe, and is gone as soon as nobody holds the other.
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
    """`jobs` processes, each of which begins by calling `begin` with what is `given`.

    At the end of the block what has not begun never begins, and what is under way is waited for; a block that
    fails or is interrupted ends the processes at once.
    """
    context = get_context("spawn")
    leash, held = context.Pipe(duplex=False)
    with leash, held, _until_left(ProcessPoolExecutor(jobs, context, _begin, (leash, begin, given))) as pool:
        # What is blocked here is so in what is spawned: Ctrl-C is this process's alone, from the start.
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
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(leash: Connection, begin: Callable[..., object] | None, given: tuple[object, ...]) -> None:
    threading.Thread(target=_end_when_let_go, args=(leash,), daemon=True).start()
    if begin is not None:
        begin(*given)


def _end_when_let_go(leash: Connection) -> None:
    wait([leash])
    os._exit(1)
