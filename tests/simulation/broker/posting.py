"""The webhook's threads, clock and connections in simulated time, so that the production code posts.

Each attempt to send has a thread of its own, and whoever waits for it may stop waiting: here the attempt goes
on by itself from there, in a step of its own, and finds out what became of it.
"""

import math
import threading
from collections.abc import Callable, Generator
from types import SimpleNamespace, TracebackType
from typing import Self

from portfold.workers.brokers.traderspost.last_moment import SendAttempt
from portfold.workers.brokers.traderspost.webhook import WebhookAnswer
from tests.simulation.broker.desk import NEVER_MS, Desk, Response
from tests.simulation.scheduler import Actor, Process, Scheduler


class _GoesOn(BaseException):
    """Nobody waits any longer for what takes so many milliseconds more."""

    def __init__(self, ms: int) -> None:
        super().__init__(ms)
        self.ms = ms


class Posting:
    """Stands in for what `workers.brokers.traderspost.webhook` and `last_moment` have of the machine."""

    def __init__(self, scheduler: Scheduler, desk: Desk) -> None:
        self._scheduler = scheduler
        self._desk = desk
        self._threads: list[_Thread] = []

    @property
    def process(self) -> Process:
        """Who acts now."""
        return self._scheduler.acting[-1].process

    def time(self) -> SimpleNamespace:
        """For the module `time`."""
        return SimpleNamespace(monotonic=self._monotonic, sleep=self._sleep)

    def threads(self) -> SimpleNamespace:
        """For the module `threading`."""
        return SimpleNamespace(Thread=self._thread, Condition=_Condition)

    def session(self) -> "_Session":
        """For `requests.Session`."""
        return _Session(self._post)

    def _monotonic(self) -> float:
        return self.process.monotonic()

    def _sleep(self, seconds: float) -> None:
        self.process.sleep(seconds)

    def _thread(self, target: Callable[[], None], name: str, *, daemon: bool) -> "_Thread":  # noqa: ARG002
        return _Thread(self.process, self._scheduler, target, self._threads, self._desk)

    def _post(self, attempt: SendAttempt[WebhookAnswer], data: bytes, timeout_ms: int) -> Response:
        thread = self._threads[-1]
        if thread.under_way is None:
            thread.data = data
            thread.under_way = self._desk.take(thread.process, data, attempt)
            thread.waited_for_until = self._scheduler.now + timeout_ms
        while True:
            try:
                takes_ms = next(thread.under_way)
            except StopIteration as answered:
                answer: Response = answered.value
                thread.answer = answer
                return answer
            thread.let_pass(takes_ms)


class _Thread:
    """Runs until it has ended, or nobody waits for it any more; then again, from where it was."""

    def __init__(
        self,
        process: Process,
        scheduler: Scheduler,
        target: Callable[[], None],
        running: "list[_Thread]",
        desk: Desk,
    ) -> None:
        self.process = process
        self.under_way: Generator[int, None, Response] | None = None
        self.waited_for_until = 0
        self.data = b""
        self.answer: Response | None = None
        self._alone = False
        self._scheduler = scheduler
        self._target = target
        self._desk = desk
        self._running = running

    def start(self) -> None:
        self._running.append(self)
        try:
            self._target()
            if self._alone and self.answer is not None:
                self._desk.answered_late(self.data, self.process.name, self.answer)
        except _GoesOn as later:
            self._alone = True
            if later.ms < NEVER_MS:
                self._scheduler.at(self._scheduler.now + later.ms, Actor(self.process), self.start)
        finally:
            self._running.remove(self)

    def let_pass(self, ms: int) -> None:
        """While somebody waits for it his process stands still."""
        if self._alone:
            raise _GoesOn(ms)
        left = max(0, self.waited_for_until - self._scheduler.now)
        self._scheduler.hold(self.process, min(ms, left))
        if ms >= left:
            raise _GoesOn(ms - left)


class _Condition:
    """Time passes where something is done, and not where it is waited for."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def notify(self) -> None:
        """Nobody waits."""

    def wait_for(self, predicate: Callable[[], bool], seconds: float) -> bool:  # noqa: ARG002
        return predicate()


class _Session:
    def __init__(self, post: Callable[[SendAttempt[WebhookAnswer], bytes, int], Response]) -> None:
        self._post = post
        self._attempt: SendAttempt[WebhookAnswer]

    def mount(self, url: str, attempt: SendAttempt[WebhookAnswer]) -> None:  # noqa: ARG002 - there is one address
        self._attempt = attempt

    def post(self, url: str, *, data: bytes, timeout: tuple[float, float], **_: object) -> Response:  # noqa: ARG002
        return self._post(self._attempt, data, math.ceil(timeout[0] * 1000))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
