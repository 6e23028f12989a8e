"""How far long work has come: one line on a terminal, written over and over, and gone at the end."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY_SECONDS = 0.2
_ERASE = "\r\x1b[K"


class Progress:
    """The line: `doing` such as "Exporting", and called with how many of `total` events are done."""

    def __init__(self, doing: str, total: int | None, *, silent: bool) -> None:
        self._doing, self._total, self._silent = doing, total, silent
        self._began = self._drawn = time.monotonic()

    def __call__(self, done: int) -> None:
        """Draws it, now and then."""
        now = time.monotonic()
        if self._silent or now - self._drawn < _EVERY_SECONDS:
            return
        self._drawn = now
        of = f" of {self._total:,} ({min(done / self._total, 1):.0%})" if self._total else ""
        rate = done / max(now - self._began, 0.001)
        sys.stderr.write(f"{_ERASE}{self._doing} {done:,}{of} events, {rate:,.0f} a second")
        sys.stderr.flush()

    def end(self) -> None:
        """Takes the line away, for good: there is something else to be read now."""
        if not self._silent:
            self._silent = True
            sys.stderr.write(_ERASE)
            sys.stderr.flush()


@contextmanager
def progress(doing: str, total: int | None) -> Iterator[Progress]:
    """Within the block there is a line on the terminal; where there is no terminal, none."""
    line = Progress(doing, total, silent=not sys.stderr.isatty())
    try:
        yield line
    finally:
        line.end()
