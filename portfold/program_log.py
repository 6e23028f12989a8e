"""The log of a part of somebody's program: it goes through that program's own `logging`, where it is set up.

Guarantees: as everywhere, a line never holds up who writes it, for the program's handlers are called on a
thread of its own, through a bounded queue; what does not fit is counted, and a line says so. Where the
program has set up no handler, lines go to standard error, one JSON object each. It is looked at with each
line, so a program may set its logging up when it likes. Lines logged while the program ends are written too:
nothing else may ever report them.
"""

import atexit
import logging
import queue
import threading

import structlog

from portfold.log import LineQueue, Log, open_log

NAME = "portfold"
"""Of the logger, for a program that wants to set its level or its handlers."""

_LINES_WAITING = 20_000
_CLOSE_SECONDS = 2.0
_LOGGER = logging.getLogger(NAME)


def program_log(process: str) -> Log:
    """Returns a logger for `process`; its lines name it as `process=`."""
    _QUEUE.close_at_exit()
    logger: Log = structlog.wrap_logger(
        _Choice(process),
        processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return logger


class _Choice:
    """Decides where a line goes when it comes."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._own: tuple[Log, LineQueue] | None = None
        atexit.register(self._close)  # before those who speak until their end

    def _close(self) -> None:
        if self._own is not None:
            self._own[1].close()

    def _line(self, *, event: str, level: str, **more: object) -> None:
        if not _LOGGER.hasHandlers():
            if self._own is None:
                self._own = open_log(self._process)
            getattr(self._own[0], level)(event, **more)
            return
        number = logging.getLevelNamesMapping()[level.upper()]
        if _LOGGER.isEnabledFor(number):
            pairs = {"process": self._process, **more}
            details = "".join(f" {name}={value}" for name, value in pairs.items())
            _QUEUE.put(_LOGGER.makeRecord(NAME, number, __file__, 0, event + details, (), None))

    debug = info = warning = error = critical = _line


class _Queue:
    """Hands records to the program's handlers, in order, on a thread that begins with the first."""

    def __init__(self) -> None:
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(_LINES_WAITING)
        self._lost = 0
        self._begin = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closes = False

    def close_at_exit(self) -> None:
        """Has what is queued handed over when the program ends, after all that registers from now on."""
        with self._begin:
            if not self._closes:
                self._closes = True
                atexit.register(self._close)

    def put(self, record: logging.LogRecord) -> None:
        """Queues the record, or counts it as lost."""
        with self._begin:
            if self._thread is None or not self._thread.is_alive():  # as in the child of a fork
                self._thread = threading.Thread(target=self._hand_over, name="log", daemon=True)
                self._thread.start()
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def _hand_over(self) -> None:
        while (record := self._records.get()) is not None:
            _LOGGER.handle(record)
            if self._lost:
                lost, self._lost = self._lost, 0
                _LOGGER.error("(%d log lines lost: the handlers were too slow)", lost)

    def _close(self) -> None:
        """Waits for what is queued, for at most two seconds."""
        try:
            self._records.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)


_QUEUE = _Queue()
