"""How far a search has come: one line on a terminal, written over and over, and gone at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portfold.exchange_time import span

_EVERY_SECONDS = 0.2
_ERASE = "\r\x1b[K"
_BAR = 20

See = Callable[[int], None]


@contextmanager
def progress(doing: str, total: int, done_before: int = 0) -> Iterator[See]:
    """The block tells how many simulations of `total` are done; `done_before` were when it began."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    began = time.monotonic()
    shown = 0.0

    def on_progress(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _EVERY_SECONDS:
            return
        shown = now
        rate = (done - done_before) / max(now - began, 0.001)
        sys.stderr.write(f"{_ERASE}{_line(doing, done, total, rate)}")
        sys.stderr.flush()

    try:
        on_progress(done_before)
        yield on_progress
    finally:
        sys.stderr.write(_ERASE)
        sys.stderr.flush()


def _line(doing: str, done: int, total: int, rate: float) -> str:
    filled = min(_BAR, _BAR * done // max(total, 1))
    bar = "━" * filled + "╌" * (_BAR - filled)
    pace = f", {rate:,.1f} a second, {span(int(1000 * max(total - done, 0) / rate))} left" if rate else ""
    return f"{doing} {bar} {done:,} of {total:,}{pace}"
