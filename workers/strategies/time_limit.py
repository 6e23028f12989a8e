"""Ends a call that does not return, where that can be done: in the main thread, while it runs Python.

What hangs inside of an extension that does not come back to Python is not ended by this; where that lets no
other thread run, its process gives no sign of life any more, and its worker is lost like one that died.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN_SECONDS = 1.0


class NotReturned(BaseException):
    """Raised within a call that has taken too long; no Exception, so that it is not dealt with in there."""


@contextmanager
def returns_within(seconds: float) -> Iterator[None]:
    """Raises NotReturned in the block once it has taken that long, and each second while it goes on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, _end)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def _end(_: int, __: FrameType | None) -> None:
    raise NotReturned
