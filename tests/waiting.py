"""Waiting for a fact: looked at again and again, for a bounded time, never slept for."""

import io
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

from portfold.log import Log

_Fact = TypeVar("_Fact")

PATIENCE_SECONDS = 60.0
"""Far more than anything takes: what a test waits for either comes soon or never."""
_LOOK_SECONDS = 0.003
_HERE = "read up to here"


def until(
    look: Callable[[], _Fact | None],
    waiting_for: str,
    *,
    seconds: float = PATIENCE_SECONDS,
    every: float = _LOOK_SECONDS,
) -> _Fact:
    """What `look` finds, as soon as that is true; AssertionError with `waiting_for` if it never comes.

    `every`: seconds from one look to the next, for one that costs something.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{seconds:g} s went by without {waiting_for}")
        time.sleep(every)
    return found


def logged(log: Log, said: io.StringIO) -> str:
    """Returns all lines that were said before this call, once they are written.

    A thread of its own writes them, a moment after they were said.
    """
    mark = f"{_HERE} {uuid4()}"
    log.info(mark)
    written = until(lambda: text if mark in (text := said.getvalue()) else "", "the lines to be written")
    return "".join(line for line in written.splitlines(keepends=True) if _HERE not in line)
