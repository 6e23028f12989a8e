"""Confirms to the reporter that its report is on the log, so that a broker's journal can forget the exit.

The journal may be locked, or its disk be full. What it could not note it would show as unreported for ever,
and somebody would report that exit again when the log has long forgotten its name. So the callback is called
again, at growing pauses, for as long as this process lives. Guarantees: nothing of a gate's waits meanwhile,
no report, no request and no sign of life; only the first attempt is made by who reported.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from portfold.clock import Clock
from portfold.log import Log
from portfold.workers.client.closing.carrier import Begin

KEPT = 1_000  # as many exits as a broker keeps
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0

Recorded = Callable[[], object]


class _Due(NamedTuple):
    recorded: Recorded
    at: float
    pause_seconds: float


class Noting:
    """The callbacks of reports that are on the log. Any thread may use it."""

    def __init__(self, *, log: Log, clock: Clock, begin: Begin) -> None:
        self._log = log
        self._clock = clock
        self._begin = begin
        self._lock = threading.Lock()
        self._due: deque[_Due] = deque(maxlen=KEPT)
        self._busy = False

    def add(self, recorded: Recorded) -> None:
        """Adds the callback of a report that is on the log."""
        with self._lock:
            self._due.append(_Due(recorded, self._clock.monotonic(), _PAUSE_SECONDS))

    def new(self) -> None:
        """Calls each callback that was not called yet, on the caller's thread."""
        self._call(lambda due: due.pause_seconds == _PAUSE_SECONDS)

    def look(self) -> None:
        """Begins to call what is due, on another thread. To be called every now and then."""
        with self._lock:
            if self._busy or not any(self._is_due(due) for due in self._due):
                return
            self._busy = True
        try:
            self._begin(self._call_due)
        except RuntimeError as error:  # the machine has no room for another thread now: at the next look
            self._busy = False
            self._log.error("Reports are on the log, and not noted yet: no thread for it", why=repr(error))

    def close(self) -> None:
        """Calls what is left once more, up to the first that fails: this process tries no more."""
        with self._lock:
            left = list(self._due)
            self._due.clear()
        for due in left:
            if not self._succeeds(due):
                return

    def _call_due(self) -> None:
        try:
            self._call(self._is_due)
        finally:
            self._busy = False

    def _is_due(self, due: _Due) -> bool:
        return self._clock.monotonic() >= due.at

    def _call(self, wanted: Callable[[_Due], bool]) -> None:
        with self._lock:
            chosen = [due for due in self._due if wanted(due)]
            for due in chosen:
                self._due.remove(due)
        for due in chosen:
            if not self._succeeds(due):
                pause = min(2 * due.pause_seconds, _LONGEST_PAUSE_SECONDS)
                with self._lock:
                    self._due.append(_Due(due.recorded, self._clock.monotonic() + due.pause_seconds, pause))

    def _succeeds(self, due: _Due) -> bool:
        try:
            due.recorded()
        except Exception as error:  # noqa: BLE001 - the fact is on the log, whatever its reporter makes of that
            self._log.error("A report is on the log, but could not be noted as reported", why=repr(error))
            return False
        return True
