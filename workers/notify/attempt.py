"""Attempts to send a message, each on a thread of its own: however a sink hangs, whoever waits can go on.

And how long to wait before the next: longer with each failure, up to a bound, by chance a little less, so
that many who wait for the same service do not come back at once.
"""

import threading
import time
from random import Random

from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks.protocol import NotSent, Sink

ATTEMPT_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
_MOST_HANGING = 3


class Attempt:
    """Begins at once. `over` is set when it has come to an end, by then either sent or not."""

    def __init__(self, sink: Sink, message: Message) -> None:
        self.message = message
        self.over = threading.Event()
        self.give_up = time.monotonic() + ATTEMPT_SECONDS
        self._sink = sink
        self._rest_seconds = 0.0
        self._failed: NotSent | None = None
        self._thread = threading.Thread(target=self._send, name="telling", daemon=True)
        self._thread.start()

    def rest_seconds(self) -> float:
        """Returns how long to hold the next back, once this is over or given up. Raises NotSent."""
        if not self.over.is_set():
            raise NotSent(f"no end of it within {ATTEMPT_SECONDS:g} s")
        if self._failed is not None:
            raise self._failed
        return self._rest_seconds

    def failed(self, now: float) -> bool:
        """Returns whether it is over, or has to be by now, and was not sent."""
        if not self.over.is_set():
            return now > self.give_up
        return self._failed is not None

    def _send(self) -> None:
        try:
            self._rest_seconds = self._sink.send(self.message)
        except NotSent as failed:
            self._failed = failed
        except Exception as error:  # noqa: BLE001 - tried again, whatever it is; its text may hold an address
            self._failed = NotSent(f"a fault of the notifier's own: {type(error).__name__}")
        finally:
            self.over.set()


class Attempts:
    """Attempts with one sink: one after the other, but that a few that hang may be left behind."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._under_way: list[Attempt] = []
        self._latest: Attempt | None = None
        self._failed_before = False

    @property
    def idle(self) -> bool:
        """Returns whether nothing is on its way, but what was given up."""
        now = time.monotonic()
        return all(one.over.is_set() or now > one.give_up for one in self._under_way)

    @property
    def fails(self) -> bool:
        """Returns whether the last attempt that came to an end, or should have, was not sent."""
        latest, now = self._latest, time.monotonic()
        if latest is None:
            return False
        is_over = latest.over.is_set() or now > latest.give_up
        return latest.failed(now) if is_over else self._failed_before

    def begin(self, message: Message) -> Attempt | None:
        """Returns the next attempt; None while too many still hang."""
        self._under_way = [one for one in self._under_way if not one.over.is_set()]
        if len(self._under_way) >= _MOST_HANGING:
            return None
        self._failed_before = self.fails
        self._latest = attempt = Attempt(self.sink, message)
        self._under_way.append(attempt)
        return attempt


class Backoff:
    """The pauses between attempts that fail."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def next_seconds(self, asked_for: float | None) -> float:
        """Returns how long to wait now: what the other side asked for, if that is longer."""
        pause = self._pause_seconds * self._random.uniform(0.5, 1.0)
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return max(pause, asked_for or 0.0)

    def reset(self) -> None:
        """Forgets the failures: an attempt got through."""
        self._pause_seconds = FIRST_PAUSE_SECONDS
