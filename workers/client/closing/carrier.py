"""Carries out orders to flatten without ever blocking the thread that receives them.

A callback that closes is the author's code and his broker: it may take long, fail, or never return.
Guarantees: `carry` and `look` return at once; each callback has its orders one after the other, apart from
the others', so that one that hangs holds up no other; what fails is tried again after one second, two, four
and so on up to thirty, a bounded number of times or for as long as it is to be, and at once when a reminder
brings it; what does not return is logged, as is each order that waits behind it. A callback that may be
called for several orders at once gets the next on another thread when that has waited a moment.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from portfold.clock import Clock
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.client.closing.flatten_order import FlattenOrder

_BESIDE_AFTER_SECONDS = 2.0
_HANGS_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0
_TRIES = 20
_WAITING = 100

Callback = Callable[[FlattenOrder], object]
Begin = Callable[[Callable[[], None]], object]
"""Has something done, now or beside what is done already. May raise RuntimeError where there is no room."""


def on_a_thread(act: Callable[[], None]) -> None:
    """Begins `act` on a thread of its own, which ends with the process."""
    threading.Thread(target=act, name="flatten", daemon=True).start()


class Carrier:
    """Calls every callback that was added for every order. Any thread may use it."""

    def __init__(self, *, log: Log, clock: Clock, begin: Begin = on_a_thread) -> None:
        self._log = log
        self._clock = clock
        self._begin = begin
        self._lanes: list[_Lane] = []
        self._lock = threading.Lock()
        self._last_for_everything = ORIGIN
        self._orders_for_everything = 0
        """How many orders for everything."""

    def add(self, callback: Callback, *, at_once: int = 1) -> None:
        """Adds a callback, called for at most `at_once` orders at the same time."""
        self._lanes.append(_Lane(callback, at_once, begin=self._begin, log=self._log, clock=self._clock))

    def carry(self, order: FlattenOrder, still: Callable[[], bool] | None = None) -> None:
        """Has the order carried out, and retries what fails: with `still`, for as long as that is true."""
        if order.everything:
            with self._lock:
                self._last_for_everything = max(self._last_for_everything, order.event)
                self._orders_for_everything += 1
        if not self._lanes:
            self._log.critical("Ordered to flatten, and nobody here closes positions", cause=order.cause)
        for lane in self._lanes:
            lane.put(order, still)

    def is_after_the_last(self, event: StreamId, log_ends: Callable[[], StreamId]) -> bool:
        """Returns whether that event came after the one that led to the latest order to close everything.

        The log may end before the latter: it was set back, or a hand named another. Then whatever is on it
        counts as earlier, and what is to come as later. An order that is heard while the log is asked stays.
        """
        with self._lock:
            last, orders = self._last_for_everything, self._orders_for_everything
        if event > last:
            return True
        with suppress(BusError):  # a later question finds it out
            ends = log_ends()
            with self._lock:
                if self._orders_for_everything == orders:
                    self._last_for_everything = min(self._last_for_everything, ends)
        return False

    def look(self) -> None:
        """Begins what is due, and logs what hangs. To be called every now and then."""
        for lane in self._lanes:
            lane.look()

    def close(self, seconds: float) -> None:
        """Begins nothing more, and waits at most `seconds` for callbacks under way, other than the caller."""
        for lane in self._lanes:
            lane.close(seconds)


class _Task:
    """An order for one callback."""

    def __init__(
        self, order: FlattenOrder, still: Callable[[], bool] | None, now: float, tries: int = 0
    ) -> None:
        self.order = order
        self.still = still
        self.tries = tries
        """How often it failed, in a row."""
        self.since = now
        """When it is to be begun; from then on when it was."""
        self.thread: int | None = None
        self.logged = False


class _Lane:
    """One callback, and the orders that wait for it."""

    def __init__(self, callback: Callback, at_once: int, *, begin: Begin, log: Log, clock: Clock) -> None:
        self._callback = callback
        self._at_once = at_once
        self._begin = begin
        self._log = log
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[_Task] = []
        self._under_way: set[_Task] = set()
        self._closed = False

    def put(self, order: FlattenOrder, still: Callable[[], bool] | None) -> None:
        self._put(_Task(order, still, self._clock.monotonic(), self._failures_so_far(order)))
        self.look()

    def look(self) -> None:
        with self._changed:
            if not (self._waiting or self._under_way):
                return
            task = self._next()
            hanging = [task for task in self._under_way if self._is_late(task, _HANGS_SECONDS)]
            behind = [task for task in self._waiting if self._is_late(task, _HANGS_SECONDS)]
            new = [task for task in (*hanging, *behind) if not task.logged]
            for task in new:
                task.logged = True
        for task in new:
            what = "has not returned" if task in hanging else "is still busy with an earlier order"
            self._log.critical(
                f"FLATTEN HANGS: the on_flatten callback {what}",
                episode=task.order.episode,
                cause=task.order.cause,
                what_to_do="look at the broker; close there what is open",
            )
        if task is None:
            return
        try:
            self._begin(partial(self._go_on, task))
        except RuntimeError as error:  # the machine has no room for another thread now
            self._log.critical("FLATTEN NOT BEGUN: no thread for it", why=repr(error))
            self._ended(task)
            self._put(task)

    def close(self, seconds: float) -> None:
        me = threading.get_ident()
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.wait_for(lambda: all(task.thread == me for task in self._under_way), seconds)

    def _go_on(self, task: _Task | None) -> None:
        """Carries out one after the other, until none is due."""
        while task is not None:
            task.thread = threading.get_ident()
            try:
                self._callback(task.order)
            except Exception as error:  # noqa: BLE001 - the author's code, or a broker's refusal: said, and tried again
                self._failed(task, error)
            finally:
                self._ended(task)
            with self._changed:
                task = self._next()

    def _failed(self, task: _Task, error: Exception) -> None:
        self._log.critical("FLATTEN FAILED in the strategy", why=repr(error), episode=task.order.episode)
        pause = min(_RETRY_SECONDS * 2 ** min(task.tries, _TRIES), _LONGEST_RETRY_SECONDS)
        again = _Task(task.order, task.still, self._clock.monotonic() + pause, task.tries + 1)
        if again.tries < _TRIES or (task.still is not None and task.still()):
            self._put(again)

    def _failures_so_far(self, order: FlattenOrder) -> int:
        """Drops waiting retries that `order` covers. Returns how often the most tried of them failed."""
        with self._changed:
            failed = [task for task in self._waiting if task.tries and _is_in(task.order, order)]
            self._waiting = [task for task in self._waiting if task not in failed]
        return max((task.tries for task in failed), default=0)

    def _put(self, task: _Task) -> None:
        """Queues the task; a full queue drops its oldest, one for everything last: reminders bring
        it again.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting.append(task)
            if len(self._waiting) <= _WAITING:
                return
            oldest = next((task for task in self._waiting if not task.order.everything), self._waiting[0])
            self._waiting.remove(oldest)
        self._log.critical("FLATTEN HANGS: too many orders wait", forgotten=oldest.order.episode)

    def _next(self) -> _Task | None:
        """Returns what is to be begun now, if it may; orders for everything first."""
        now = self._clock.monotonic()
        due = sorted((task for task in self._waiting if task.since <= now), key=_rank)
        if not due or self._closed:
            return None
        task, busy = due[0], len(self._under_way)
        if busy and (busy >= self._at_once or not self._is_late(task, _BESIDE_AFTER_SECONDS)):
            return None
        self._waiting.remove(task)
        self._under_way.add(task)
        task.since, task.logged = now, False
        return task

    def _ended(self, task: _Task) -> None:
        with self._changed:
            self._under_way.discard(task)
            self._changed.notify_all()

    def _is_late(self, task: _Task, seconds: float) -> bool:
        return self._clock.monotonic() - task.since >= seconds


def _is_in(order: FlattenOrder, later: FlattenOrder) -> bool:
    """Returns whether whoever carries out `later` carries out `order` as well."""
    if order.episode != later.episode:
        return False
    return later.everything or (not order.everything and set(order.positions) <= set(later.positions))


def _rank(task: _Task) -> bool:
    return not task.order.everything
