"""How far long work has come, told on stderr, so that what a command prints for others stays as it is.

On a terminal it is a bar, drawn over and over, and gone at the end. Elsewhere, as in the log of a nightly
run, it is a plain line now and then, and none where the work is soon done.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from portfold.exchange_time import span

_BAR_SECONDS = 0.2
_LINE_SECONDS = 30.0
_BAR_WIDTH = 10


class _Work(NamedTuple):
    """What is done: `doing` such as "Exporting", of so many `units`; `done_before` were when it began."""

    doing: str
    total: int | None
    units: str
    done_before: int

    def told(self, done: int, seconds: float) -> str:
        """How many are done after so many seconds, how fast, and how long the rest takes at that."""
        of = f" of {self.total:,} ({min(done / self.total, 1):.0%})" if self.total else ""
        rate = (done - self.done_before) / max(seconds, 0.001)
        if rate <= 0:
            return f"{done:,}{of} {self.units}"
        pace = f"{rate:,.0f}" if rate >= 10 else f"{rate:,.1f}"
        left = f", {span(round(1000 * max(self.total - done, 0) / rate))} left" if self.total else ""
        return f"{done:,}{of} {self.units}, {pace} a second{left}"


class _View(Protocol):
    """Where it is shown."""

    every_seconds: float

    def show(self, done: int, told: str) -> None:
        """Shows how much is done, and that in words."""

    def close(self) -> None:
        """Leaves nothing behind that is drawn over."""


class _Lines:
    """A line each time, for whoever reads it later."""

    every_seconds = _LINE_SECONDS

    def __init__(self, work: _Work) -> None:
        self._doing = work.doing

    def show(self, _done: int, told: str) -> None:
        print(f"{self._doing}: {told}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Lines stay."""


class _Bar:
    """By rich, on a terminal. No thread draws it, for the work may fork; and the cursor stays, for a process
    that is killed could not bring it back."""

    every_seconds = _BAR_SECONDS

    def __init__(self, work: _Work) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(file=sys.stderr, force_terminal=True, force_interactive=True)
        words = [TextColumn(f"{{task.{field}}}", markup=False) for field in ("description", "fields[told]")]
        bar = [BarColumn(_BAR_WIDTH)] if work.total else []
        self._drawn = Progress(
            *(words[0], *bar, words[1]),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._drawn.add_task(work.doing, total=work.total, told="")

    def show(self, done: int, told: str) -> None:
        self._drawn.update(self._task, completed=done, told=told)
        self._drawn.start()
        self._console.show_cursor(show=True)
        self._drawn.refresh()

    def close(self) -> None:
        self._drawn.stop()


class Progress:
    """Called with how much is done; shows it now and then, until the end."""

    def __init__(self, work: _Work, view: _View) -> None:
        self._work, self._view = work, view
        self._began = self._shown = time.monotonic()
        self._ended = False

    def __call__(self, done: int) -> None:
        """Shows it, where it was last shown some time ago."""
        now = time.monotonic()
        if self._ended or now - self._shown < self._view.every_seconds:
            return
        self._shown = now
        self._view.show(done, self._work.told(done, now - self._began))

    def end(self) -> None:
        """Takes away what is drawn, for good: there is something else to be read now."""
        if not self._ended:
            self._ended = True
            self._view.close()


@contextmanager
def progress(doing: str, total: int | None, units: str, *, done_before: int = 0) -> Iterator[Progress]:
    """Within the block it is told how far the work has come."""
    work = _Work(doing, total, units, done_before)
    told = Progress(work, _Bar(work) if _on_terminal() else _Lines(work))
    try:
        yield told
    finally:
        told.end()


def _on_terminal() -> bool:
    """Whether stderr is one, and one that can be drawn on."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
