"""Keeps processes running: starts them, starts again what failed, gives up loudly what only ever fails.

Guarantees: between two starts of a process lies a pause that doubles up to a bound; a worker that fails so
many times in a row is not started again, while what stands by is never given up, and stays while it may be
needed for what the workers have left open, however they ended; when it is stopped, all are ended, within a
bounded time, workers before what stands by them. A process holds the reading end of a pipe to its supervisor
as its standard input, and can end itself when that closes: so none outlives a supervisor that is killed.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TextIO

from msgspec import Struct, field

from portfold.clock import Clock, SystemClock
from portfold.log import Log

_LOOK_SECONDS = 0.05
_KILLED_SECONDS = 5.0
_ASK_SECONDS = 1.0


class SupervisedChild(Struct, frozen=True):
    """A process to keep running: its name, its command line, and what its environment has beside ours.

    A worker has done when it ends with exit code 0. What `stands_by` runs as long as there are workers; what
    `may_end` of it has done as a worker has. A worker that ends with a `hopeless` exit code would do so each
    time: it is given up at once.
    """

    name: str
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    stands_by: bool = False
    may_end: bool = False
    hopeless: int | None = None


class RestartPauses(Struct, frozen=True):
    """Seconds before a start after the first failure, at most, and how long a process has to run for its
    failures to be forgotten; and how many of them in a row are enough."""

    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    steady_seconds: float = 60.0
    failures: int = 10

    def pause(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row."""
        doubled = self.first_seconds * 2 ** min(failures - 1, 32)
        return float(min(doubled, self.longest_seconds))


class _Kept:
    """A child and what has become of it so far."""

    def __init__(self, child: SupervisedChild) -> None:
        self.child = child
        self.state: Literal["due", "running", "done", "given_up"] = "due"
        self.due = 0.0
        self.started = 0.0
        self.failures = 0
        self.process: subprocess.Popen[bytes] | None = None


class Supervisor:
    """Keeps `children` running until they have done, or it is stopped.

    `needed`: once no worker is left, what there still is to do for what stands by; nothing, if there is not.
    `said`: the file that takes what the processes write, on stdout too; None for our own.
    """

    def __init__(
        self,
        children: Sequence[SupervisedChild],
        *,
        log: Log,
        backoff: RestartPauses | None = None,
        end_seconds: float = 10.0,
        clock: Clock | None = None,
        needed: Callable[[], str] = str,
        said: TextIO | None = None,
    ) -> None:
        # What stands by is there first.
        self._kept = [_Kept(child) for child in sorted(children, key=lambda child: not child.stands_by)]
        self._log = log
        self._backoff = backoff or RestartPauses()
        self._end_seconds = end_seconds
        self._clock = clock or SystemClock()
        self._needed, self._said = needed, said
        self._ask_again, self._left, self._left_logged = 0.0, "", False

    def run(self, stop: threading.Event) -> list[str]:
        """Returns once all workers have done or were given up and left nothing open, or `stop` is set; the
        names of those given up.

        However it ends, no process is left.
        """
        try:
            while not stop.is_set() and (self._workers_left() or self._something_left()):
                for kept in self._kept:
                    self._look_after(kept)
                stop.wait(_LOOK_SECONDS)
        finally:
            self._end([kept for kept in self._kept if not kept.child.stands_by])
            self._end([kept for kept in self._kept if kept.child.stands_by])
        return [kept.child.name for kept in self._kept if kept.state == "given_up"]

    def _workers_left(self) -> bool:
        return any(kept.state in ("due", "running") for kept in self._kept if not kept.child.stands_by)

    def _something_left(self) -> bool:
        """Returns whether the workers left something to those that stand by; asked now and then.

        Logged when it is found twice: the last reports may be on their way to the log.
        """
        now = self._clock.monotonic()
        if now >= self._ask_again:
            left, self._ask_again = self._needed(), now + _ASK_SECONDS
            if left and self._left and not self._left_logged:
                self._left_logged = True
                text = "No worker is left, and not all is closed: what stands by stays"
                self._log.critical(text, left=left)
            self._left = left
        return bool(self._left)

    def _look_after(self, kept: _Kept) -> None:
        now = self._clock.monotonic()
        if kept.state == "due" and now >= kept.due:
            self._start(kept, now)
        elif kept.state == "running" and kept.process is not None:
            code = kept.process.poll()
            if code is not None:
                self._ended(kept, code, now)

    def _start(self, kept: _Kept, now: float) -> None:
        kept.started = now
        try:
            kept.process = subprocess.Popen(
                list(kept.child.command),
                stdin=subprocess.PIPE,
                stdout=self._said,  # a strategy may print
                stderr=self._said,
                env={**os.environ, **kept.child.variables},
                start_new_session=True,  # a Ctrl-C on the terminal is the supervisor's to deal with
            )
        except OSError as error:
            self._failed(kept, f"could not be started: {error.strerror}", now)
            return
        kept.state = "running"
        self._log.info("Started", child=kept.child.name, pid=kept.process.pid)

    def _ended(self, kept: _Kept, code: int, now: float) -> None:
        _let_go(kept)
        if code == 0 and (kept.child.may_end or not kept.child.stands_by):
            kept.state = "done"
            self._log.info("Done", child=kept.child.name)
            return
        if now - kept.started >= self._backoff.steady_seconds:
            kept.failures = 0
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        if code == kept.child.hopeless:
            self._give_up(kept, f"{how}, which another start would not change")
        else:
            self._failed(kept, how, now)

    def _failed(self, kept: _Kept, how: str, now: float) -> None:
        kept.failures += 1
        name = kept.child.name
        if kept.failures >= self._backoff.failures:
            self._give_up(kept, f"{how}, {kept.failures} times in a row")
            return
        pause = self._backoff.pause(kept.failures)
        kept.state, kept.due = "due", now + pause
        self._log.error(f"{name} {how}; starting it again", child=name, in_seconds=pause)

    def _give_up(self, kept: _Kept, how: str) -> None:
        if kept.child.stands_by:  # what it is there for may be needed at any time
            kept.state, kept.due = "due", self._clock.monotonic() + self._backoff.longest_seconds
            self._log.critical(f"{kept.child.name} {how}; trying on", child=kept.child.name)
            return
        kept.state = "given_up"
        self._log.critical(f"GIVEN UP: {kept.child.name} {how}", child=kept.child.name)

    def _end(self, ending: Sequence[_Kept]) -> None:
        """Ends these, all at once, in good order; after `end_seconds` by force."""
        running = [(kept, kept.process) for kept in ending if kept.process is not None]
        for _, process in running:
            process.terminate()
        deadline = self._clock.monotonic() + self._end_seconds
        for kept, process in running:
            try:
                process.wait(max(_LOOK_SECONDS, deadline - self._clock.monotonic()))
            except subprocess.TimeoutExpired:
                self._log.critical("Did not end when told to; killed", child=kept.child.name, pid=process.pid)
                process.kill()
                process.wait(_KILLED_SECONDS)
            _let_go(kept)


def _let_go(kept: _Kept) -> None:
    if kept.process is not None and kept.process.stdin is not None:
        kept.process.stdin.close()
    kept.process = None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
