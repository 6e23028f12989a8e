"""Simulated time, and who does what when. One thread: whoever waits lets the others act in the meantime.

A process has actors, which stand for its threads. An actor takes one step after the other; a step runs to its
end before the same actor's next. While a process is held up, by a sleep, a slow network or a SIGSTOP, none of
its actors moves; while one of them waits for something to read, the others do.

Since a wait is a call, whoever waits longest may be overtaken by those that began to wait later, never by
itself: everything that happens is something that could happen to processes on a busy machine.
"""

import math
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from random import Random

_DEEPEST = 6
_MOST_STEPS = 200_000
_RARELY = 0.15


class Crashed(BaseException):
    """Unwinds what a process was doing when it died."""


class Violation(BaseException):
    """An invariant does not hold. `invariant` names it; nothing on the way up may take this for its own."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
        self.what = what


class Process:
    """One life of a process, with a monotonic clock of its own (`portfold.clock.Clock`)."""

    def __init__(self, name: str, scheduler: "Scheduler", random: Random) -> None:
        self.name = name
        self.random = random
        self.dead = False
        self.held = 0
        self.actors: list[Actor] = []
        self._scheduler = scheduler
        self._ahead_ms = random.randrange(10_000_000)

    def monotonic(self) -> float:
        return (self._scheduler.now + self._ahead_ms) / 1000

    def sleep(self, seconds: float) -> None:
        self._scheduler.hold(self, math.ceil(seconds * 1000))

    def machine_sleeps(self, ms: int) -> None:
        """The machine stands still, and its monotonic clock with it: afterwards no time has passed."""
        began = self._scheduler.now
        self._scheduler.hold(self, ms)
        self._ahead_ms -= self._scheduler.now - began


class Actor:
    """What one thread of a process does. `patience_ms` is how long one of its steps may wait to read."""

    def __init__(self, process: Process, patience_ms: int = 0) -> None:
        self.process = process
        self.patience_ms = patience_ms
        self.running = False
        self.deferred: list[Callable[[], object]] = []
        process.actors.append(self)

    @property
    def free(self) -> bool:
        return not self.running and not self.process.held


class Stepper(Actor):
    """Takes steps for ever: `step` returns how many seconds to wait before the next, None at the end.

    Where a step would wait to read, it finds nothing, and the wait is between steps: `woken` ends it.
    """

    def __init__(
        self, process: Process, scheduler: "Scheduler", step: Callable[[], float | None], slowest_ms: int
    ) -> None:
        super().__init__(process)
        self.waits_ms = 0
        self._scheduler = scheduler
        self._step = step
        self._slowest_ms = slowest_ms
        self._waiting = False
        self._number = 0

    def begin(self, in_ms: int = 0) -> None:
        """Takes the next step in so many milliseconds, and whatever was planned before no more."""
        self._number += 1
        self._scheduler.at(self._scheduler.now + in_ms, self, partial(self._go, self._number))

    def woken(self) -> None:
        """What it waits for may be there."""
        if self._waiting:
            self._waiting = False
            self.begin(self._soon())

    def _soon(self) -> int:
        return int(self.process.random.random() * self._slowest_ms)

    def _go(self, number: int) -> None:
        if number != self._number:
            return
        self._waiting, self.waits_ms = False, 0
        pause_seconds = self._step()
        if pause_seconds is None:
            return
        self._waiting = self.waits_ms > 0 and not pause_seconds
        if self._waiting:
            self.begin(self.waits_ms)
        else:
            self.begin(math.ceil(pause_seconds * 1000) or self._soon())


_Task = tuple[int, int, Actor | None, Callable[[], object]]


class Scheduler:
    """Does what is due, in the order of time, and of asking where the time is the same."""

    def __init__(self, random: Random) -> None:
        self.now = 0
        self.steps = 0
        self.acting: list[Actor] = []
        self.violation: Violation | None = None
        self._random = random
        self._due: list[_Task] = []
        self._asked = 0
        self._depth = 0
        self._holds: list[int] = []
        self._put_off: list[_Task] = []

    def go_on(self) -> None:
        """Raises the first violation there was, which something on its way up may have put in the shade."""
        if self.violation is not None:
            raise self.violation

    def at(self, ms: int, actor: Actor | None, action: Callable[[], object]) -> None:
        """Has it done at `ms`, or as soon afterwards as its actor is free; without an actor by the world."""
        self._asked += 1
        heappush(self._due, (ms, self._asked, actor, action))

    def run(self, until: int, ready: Callable[[], bool] | None = None) -> None:
        """Lets time pass until `until`, or until `ready`."""
        self._depth += 1
        try:
            while ready is None or not ready():
                if self.violation is not None:
                    raise self.violation
                task = self._take(until)
                if task is None:
                    self.now = max(self.now, until)
                    return
                self._do(*task)
        finally:
            self._depth -= 1
            for _, asked, actor, action in self._put_off:
                heappush(self._due, (self.now, asked, actor, action))
            self._put_off.clear()

    def wait(self, process: Process, ms: int, ready: Callable[[], bool]) -> None:
        """One actor of the process waits to read; the others go on. Raises Crashed if that was its end."""
        self.run(self.now + ms, ready)
        if process.dead:
            raise Crashed

    def hold(self, process: Process, ms: int) -> None:
        """The whole process stands still. Raises Crashed if that was its end."""
        until = self.now + ms
        process.held += 1
        self._holds.append(until)
        try:
            self.run(until)
        finally:
            self._holds.pop()
            process.held -= 1
            for actor in process.actors:
                if actor.deferred:
                    self._resume(actor)
        if process.dead:
            raise Crashed

    def _take(self, until: int) -> _Task | None:
        while self._due and self._due[0][0] <= until:
            task = heappop(self._due)
            at, _, actor, action = task
            if actor is None:
                return task
            process = actor.process
            if process.dead:
                continue
            if actor.running or process.held:
                actor.deferred.append(action)
            elif not actor.patience_ms or self._fits(actor, at):
                return task
            else:
                self._put_off.append(task)
        return None

    def _fits(self, actor: Actor, at: int) -> bool:
        """Whether it may begin now something that may take long, although others cannot go on meanwhile."""
        if self._depth == 1:
            return True
        if self._depth >= _DEEPEST:
            return False
        over = max(self.now, at) + actor.patience_ms
        return all(over <= until for until in self._holds) or self._random.random() < _RARELY

    def _do(self, at: int, _: int, actor: Actor | None, action: Callable[[], object]) -> None:
        self.now = max(self.now, at)
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise Violation("comes to rest", f"more than {_MOST_STEPS} steps")
        if actor is None:
            action()
            return
        actor.running = True
        self.acting.append(actor)
        try:
            action()
        except Crashed:
            pass
        except Violation as found:
            self.violation = self.violation or found
            raise
        except Exception as error:
            self.violation = Violation("no process ends by itself", f"{actor.process.name}: {error!r}")
            raise self.violation from error
        finally:
            self.acting.pop()
            actor.running = False
            if actor.deferred:
                self._resume(actor)

    def _resume(self, actor: Actor) -> None:
        if actor.free:
            for action in actor.deferred:
                self.at(self.now, actor, action)
            actor.deferred.clear()
