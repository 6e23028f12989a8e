"""What `portfold run` shows on a terminal: the status, drawn anew, and below it what has just happened.

Guarantees: where there is no terminal, or none to draw on, nothing is drawn, and every line goes where it
went. On one, what the processes say and print goes into a file, whose name is shown, and comes to no harm on
the screen; what is critical of it stands in the picture; what has to be known before and after the picture is
on the terminal as ever. Nothing waits for the picture: it reads on threads and connections of its own.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from portfold.cli.exits import Failure
from portfold.cli.folders import made
from portfold.cli.progress import drawn_on
from portfold.cli.run.critical_lines import CriticalLine, CriticalLines
from portfold.cli.target import ResolvedTarget

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from portfold.coordinator.audit.record.following import Note
    from portfold.coordinator.audit.record.tail import TailLine

_LINES_KEPT, _LINES_AT_FIRST = 50, 10
_LEAST_LINES = 4
_CRITICAL_LINES = 3
_LOOK_SECONDS = 1.0
_FRAMES_A_SECOND = 4
_CLOSE_SECONDS = 2.0
_STYLES = {"info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}


class OnTerminal:
    """Where a run's own lines go: to the terminal, and while a picture is there into the file alone."""

    def __init__(self, terminal: TextIO, file: TextIO) -> None:
        self._terminal, self.file = terminal, file
        self.drawn = False
        self.encoding = "utf-8"

    def isatty(self) -> bool:
        """Returns that lines are for people."""
        return True

    def fileno(self) -> int:
        """Has none of its own: raises OSError, so that each line passes through here."""
        raise OSError("two places")

    def write(self, text: str) -> int:
        """Writes to both, or to the file."""
        if not self.drawn:
            with suppress(OSError):  # a terminal that is gone: the file has it all the same
                self._terminal.write(text)
                self._terminal.flush()
        return self.file.write(text)

    def flush(self) -> None:
        """Flushes the file."""
        self.file.flush()


@contextmanager
def lines_of_run(folder: Path) -> Iterator[OnTerminal | None]:
    """Yields where a run's lines go on a terminal; None where stdout and stderr are none to draw on.

    The file, new in `folder`, is for this user alone. Raises Failure where it cannot be made.
    """
    if not (drawn_on(sys.stdout) and drawn_on(sys.stderr)):
        yield None
        return
    path = made(folder) / f"run-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    try:
        path.touch(0o600)
        file = path.open("a", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise Failure(f"Cannot write the file of what is said, {path}: {error.strerror}.") from error
    with file:
        yield OnTerminal(sys.stderr, file)


@contextmanager
def live_screen(lines: OnTerminal | None, place: ResolvedTarget) -> Iterator[None]:
    """Draws the portfolio within the block; its last picture stays. Nothing without a terminal."""
    if lines is None:
        yield
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    picture = _Picture(place, Path(lines.file.name), console)
    live = Live(
        console=console,
        get_renderable=picture.draw,
        refresh_per_second=_FRAMES_A_SECOND,
        vertical_overflow="crop",
        redirect_stdout=False,
        redirect_stderr=False,
    )
    lines.drawn = True
    try:
        with picture, live:
            yield
    finally:
        lines.drawn = False


class _Picture:
    """The status, what was critical, and the last lines of the log, as far as they are read."""

    def __init__(self, place: ResolvedTarget, file: Path, console: "Console") -> None:
        from portfold.cli.watch.status.contact import Contact
        from portfold.cli.watch.status.look import Look

        self._place, self._file, self._console = place, file, console
        self._look = Look.at(place)
        self._contact = Contact(
            self._look.now, wall_ms=lambda: time.time_ns() // 1_000_000, zone=self._look.zone
        )
        self._critical = CriticalLines(file, place.zone)
        self._status: list[Text] = []
        self._happened: deque[Text] = deque(maxlen=_LINES_KEPT)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=task, name=f"screen {task.__name__}", daemon=True)
            for task in (self._look_on, self._follow)
        ]

    def __enter__(self) -> None:
        self._glimpse()
        for thread in self._threads:
            thread.start()

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(_CLOSE_SECONDS)
        self._glimpse()
        self._look.close()

    def draw(self) -> "RenderableType":
        """Returns the picture: as much of the status as leaves room for the last lines."""
        from rich.console import Group
        from rich.rule import Rule
        from rich.text import Text

        height, critical = self._console.height - 1, list(self._critical.last)[-_CRITICAL_LINES:]
        unseen = self._critical.count - len(critical)
        more = f"{unseen} more critical lines, and all that is said" if unseen else "all that is said"
        said = Text(f"Ctrl-C ends it; {more}: {self._file}", style="dim", overflow="fold")
        status = self._status[: max(1, height - len(critical) - _LEAST_LINES - 2)]
        room = height - len(status) - len(critical) - 2
        happened = list(self._happened)[-room:] if room > 0 else []
        return Group(*status, Rule(style="dim"), *map(_told_critical, critical), *happened, said)

    def _glimpse(self) -> None:
        from portfold.cli.watch.status.watch import frame

        self._critical.read_on()
        self._status = frame(self._look, self._contact.glimpse())

    def _look_on(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._glimpse()

    def _follow(self) -> None:
        from portfold.coordinator.audit.record.moment import Exchange
        from portfold.coordinator.audit.record.tail import Choice, Tail
        from portfold.coordinator.audit.record.timeline import Wanted
        from portfold.events.wire.errors import BusError

        day = self._place.configuration.runtime.trading_day
        choice = Choice(Wanted(), everything=False, exchange=Exchange(day.zone, day.roll))
        with closing(self._place.bus()) as bus:
            tail = Tail(bus, None, choice)
            with suppress(BusError):  # the status says that the server is away
                self._happened.extend(map(self._told, tail.last(_LINES_AT_FIRST)))
            for line in tail.follow(self._ended.wait, self._ended.is_set):
                self._happened.append(self._told(line))

    def _told(self, line: "TailLine | Note") -> "Text":
        from rich.text import Text

        from portfold.coordinator.audit.record.following import Note

        if isinstance(line, Note):
            return Text(line.text, style="dim", no_wrap=True, overflow="ellipsis")
        at = line.item.exchange.local(line.item.row.id.ms)
        when = (f"{at:%H:%M:%S %Z} ", "dim")
        return Text.assemble(when, (line.item.text, _STYLES[line.level]), no_wrap=True, overflow="ellipsis")


def _told_critical(line: CriticalLine) -> "Text":
    from rich.text import Text

    text = (line.text, _STYLES["critical"])
    return Text.assemble((f"{line.when} ", "dim"), text, no_wrap=True, overflow="ellipsis")
