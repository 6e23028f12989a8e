"""Shows on stderr how far long work has come, so that a command's output on stdout stays as it is.

On a terminal it is a bar, redrawn in place and gone at the end. Elsewhere, as in the log of a nightly run, it
is a plain line every half minute, and none where the work is done sooner.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, TextIO

from portfold.exchange_time import span

_BAR_SECONDS = 0.2
_LINE_SECONDS = 30.0
_BAR_WIDTH = 10


class _Work(NamedTuple):
    """What is done: `doing` such as "Exporting"; `total` of `units`; `done_before` already."""

    doing: str
    total: int | None
    units: str
    done_before: int

    def report(self, done: int, seconds: float) -> str:
        """Returns how many are done, how many a second, and how long the rest takes at that rate."""
        of = f" of {self.total:,} ({min(done / self.total, 1):.0%})" if self.total else ""
        rate = (done - self.done_before) / max(seconds, 0.001)
        if rate <= 0:
            return f"{done:,}{of} {self.units}"
        pace = f"{rate:,.0f}" if rate >= 10 else f"{rate:,.1f}"
        left = f", {span(round(1000 * max(self.total - done, 0) / rate))} left" if self.total else ""
        return f"{done:,}{of} {self.units}, {pace} a second{left}"


class _View(Protocol):
    """A way to show progress."""

    every_seconds: float

    def show(self, done: int, report: str) -> None:
        """Shows how much is done; `report` says it in words."""

    def close(self) -> None:
        """Removes what was drawn."""


class _Lines:
    """Prints a line each time."""

    every_seconds = _LINE_SECONDS

    def __init__(self, work: _Work) -> None:
        self._doing = work.doing

    def show(self, _done: int, report: str) -> None:
        print(f"{self._doing}: {report}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Does nothing: lines stay."""


class _Bar:
    """Draws a bar with rich, on a terminal.

    No thread draws it, since the work may fork. The cursor stays visible, since a killed process could not
    show it again.
    """

    every_seconds = _BAR_SECONDS

    def __init__(self, work: _Work) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(file=sys.stderr, force_terminal=True, force_interactive=True)
        words = [TextColumn(f"{{task.{field}}}", markup=False) for field in ("description", "fields[report]")]
        bar = [BarColumn(_BAR_WIDTH)] if work.total else []
        self._drawn = Progress(
            *(words[0], *bar, words[1]),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._drawn.add_task(work.doing, total=work.total, report="")

    def show(self, done: int, report: str) -> None:
        self._drawn.update(self._task, completed=done, report=report)
        self._drawn.start()
        self._console.show_cursor(show=True)
        self._drawn.refresh()

    def close(self) -> None:
        self._drawn.stop()


class ShownProgress:
    """Is called with how much is done, and shows it now and then, until the end."""

    def __init__(self, work: _Work, view: _View) -> None:
        self._work, self._view = work, view
        self._began = self._shown = time.monotonic()
        self._ended = False

    def __call__(self, done: int) -> None:
        """Shows how much is done, unless it was shown a moment ago."""
        now = time.monotonic()
        if self._ended or now - self._shown < self._view.every_seconds:
            return
        self._shown = now
        self._view.show(done, self._work.report(done, now - self._began))

    def end(self) -> None:
        """Removes what is drawn, and shows nothing more."""
        if not self._ended:
            self._ended = True
            self._view.close()


@contextmanager
def progress(doing: str, total: int | None, units: str, *, done_before: int = 0) -> Iterator[ShownProgress]:
    """Yields the function to call with how much is done; shows it within the block."""
    work = _Work(doing, total, units, done_before)
    shown = ShownProgress(work, _Bar(work) if drawn_on(sys.stderr) else _Lines(work))
    try:
        yield shown
    finally:
        shown.end()


def drawn_on(stream: TextIO) -> bool:
    """Returns whether the stream is a terminal that can be drawn on."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
