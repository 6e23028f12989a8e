"""Logging that can never hold up a decision.

Lines go through a bounded queue to a thread of their own: a terminal that is scrolled back, a full pipe or a
slow disk delays lines; when the queue is full, lines are lost and counted, and a line says so; the fold is
never blocked. So are lines that could not be written, as on a full disk; those after them are.
Nor is the end of a process: lines go past Python's own buffer, which an interpreter that ends would wait for.
For people on a terminal lines are readable, elsewhere one JSON object each in UTF-8, by structlog. Whatever a
line quotes, nothing in it steers a terminal.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import TextIO, cast

import structlog

from portfold.events.fields import readable

_LINES_WAITING = 20_000
_LINES_AT_ONCE = 50
_CLOSE_SECONDS = 2.0


class LineQueue:
    """A text stream whose writes never wait; `close` waits a moment for the rest to be written."""

    def __init__(self, target: TextIO) -> None:
        self._write = _writer_to(target)
        self._lines: queue.Queue[str | None] = queue.Queue(_LINES_WAITING)
        self._lost = 0
        self._closed = False
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
        """Does nothing: the writing thread flushes."""

    def close(self) -> None:
        """Writes out what is queued, for at most two seconds."""
        try:
            self._lines.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        self._writer.join(_CLOSE_SECONDS)

    def _write_on(self) -> None:
        unwritten = 0
        while text := self._waiting():
            lost = self._lost
            # What was written before may end in the middle of a line.
            before = f"\n({unwritten} log lines lost: they could not be written)\n" if unwritten else ""
            after = f"({lost} log lines lost: the reader was too slow)\n" if lost else ""
            try:
                self._write(before + text + after)
            except (OSError, ValueError):  # a full disk; or nobody reads any more, and decisions go on
                unwritten += text.count("\n")
                continue
            unwritten = 0
            self._lost -= lost
        with suppress(OSError):
            self._write("")

    def _waiting(self) -> str:
        """Returns the lines that wait, a bounded number at once; empty when there will be none any more."""
        if self._closed:
            return ""
        texts: list[str] = []
        while len(texts) < _LINES_AT_ONCE and not (texts and self._lines.empty()):
            text = self._lines.get()
            if text is None:
                self._closed = True
                break
            texts.append(text)
        return "".join(texts)


def _writer_to(target: TextIO) -> Callable[[str], None]:
    """Returns what writes a text at once; an empty text is the last.

    A file is written to by a descriptor of our own. What a thread of ours is stuck in writing is then nothing
    that the interpreter flushes when it ends, and a target that somebody closes stays ours until we are done.
    """
    try:
        descriptor = os.dup(target.fileno())
    except (OSError, ValueError, AttributeError):  # none: text in memory, or another's stream
        return lambda text: _write_text(target, text)
    # A terminal shows what it can; machines are promised UTF-8, whatever the locale is.
    encoding = target.encoding if target.isatty() else "utf-8"
    return lambda text: _write_bytes(descriptor, text.encode(encoding, "backslashreplace"))


def _write_text(target: TextIO, text: str) -> None:
    if text:
        target.write(text)
        target.flush()


def _write_bytes(descriptor: int, data: bytes) -> None:
    if not data:
        os.close(descriptor)
    while data:
        data = data[os.write(descriptor, data) :]


Log = structlog.typing.FilteringBoundLogger


def open_log(
    process: str,
    *,
    target: TextIO | None = None,
    for_here: Callable[[str], str] = str,
    zone: tzinfo | None = None,
) -> tuple[Log, LineQueue]:
    """Returns a logger that names its process on every line, and the queue to close at the end.

    `for_here` adapts a line for people on this terminal, which has the time on the clocks of `zone`, this
    machine's by default; lines for machines are left as they are, in UTC.
    """
    stream = target if target is not None else sys.stderr
    lines = LineQueue(stream)
    for_people = stream.isatty()
    rendering: list[structlog.typing.Processor] = (
        [_put(for_here), _harmless, structlog.dev.ConsoleRenderer(colors=True, pad_event_to=0)]
        if for_people
        else [
            structlog.processors.JSONRenderer(ensure_ascii=False),
            lambda _logger, _method, line: readable(str(line)),  # JSON reads back what JSON escapes
        ]
    )
    logger: Log = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, lines)),
        processors=[
            structlog.processors.add_log_level,
            _stamped(zone) if for_people else structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    ).bind(process=process)
    return logger, lines


def _stamped(zone: tzinfo | None) -> structlog.typing.Processor:
    """Returns what puts the time into a line for people: `2025-01-15 14:23:45.123 CST`."""

    def stamp(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        now = datetime.now(UTC).astimezone(zone)
        line["timestamp"] = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03} {now:%Z}"
        return line

    return stamp


def _put(for_here: Callable[[str], str]) -> structlog.typing.Processor:
    def put(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {name: for_here(value) if isinstance(value, str) else value for name, value in line.items()}

    return put


def _harmless(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escapes whatever may not be shown; a traceback keeps its lines."""
    for name, value in line.items():
        if isinstance(value, str):
            lines = value.split("\n") if name == "exception" else [value]
            line[name] = "\n".join(map(readable, lines))
    return line
