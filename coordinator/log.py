"""Logging that can never hold up a decision.

Lines go through a bounded queue to a thread of their own: a terminal that is scrolled back, a full pipe or a
slow disk delays lines, and when the queue is full loses them, counted and said, but never blocks the fold.
For people on a terminal lines are readable, elsewhere one JSON object each, by structlog.
"""

import queue
import sys
import threading
from typing import TextIO, cast

import structlog

_LINES_WAITING = 20_000
_CLOSE_SECONDS = 2.0


class LineQueue:
    """A text stream whose writes never wait; `close` waits a moment for what is still to be written."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES_WAITING)
        self._lost = 0
        self._writer = threading.Thread(target=self._write_on, name="log", daemon=True)
        self._writer.start()

    def write(self, text: str) -> int:
        """Queues the text, or counts it as lost."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the writing thread flushes."""

    def close(self) -> None:
        """Writes out what is queued, for at most two seconds."""
        try:
            self._lines.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        self._writer.join(_CLOSE_SECONDS)

    def _write_on(self) -> None:
        try:
            while (text := self._lines.get()) is not None:
                self._target.write(text)
                if self._lost:
                    lost, self._lost = self._lost, 0
                    self._target.write(f"({lost} log lines lost: the reader was too slow)\n")
                if self._lines.empty():
                    self._target.flush()
        except (OSError, ValueError):  # a closed pipe or terminal: nobody reads any more, decisions go on
            while self._lines.get() is not None:
                pass


Log = structlog.typing.FilteringBoundLogger


def open_log(process: str, *, target: TextIO | None = None) -> tuple[Log, LineQueue]:
    """A logger that names its process on every line, and the queue to close at the end."""
    stream = target if target is not None else sys.stderr
    lines = LineQueue(stream)
    for_people = stream.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True, pad_event_to=0)
        if for_people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    logger: Log = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, lines)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not for_people),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    ).bind(process=process)
    return logger, lines
