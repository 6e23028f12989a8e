"""Alerts that the log cannot be used, without the log: on that day it is the alert that matters.

Sent to the destination past all that waits, by every notifier that finds the log out of reach for ten
seconds, as none can know what another reaches. Once each time, and once that it is over: when the log has
been used again for as long. What does not get through is tried again until the next word replaces it. It
follows from no event, so it moves no place: no other alert is lost or changed by it.
"""

import time
from random import Random

from portfold.events.fields import readable
from portfold.log import Log
from portfold.workers.notify.alert import Message
from portfold.workers.notify.attempt import Attempt, Attempts, Backoff
from portfold.workers.notify.sinks.protocol import NotSent
from portfold.workers.notify.words.wording import When, time_line

PATIENCE_SECONDS = 10.0
"""How long nobody leads, or the log is out of reach, before that is alerted."""
_WHY_SHOWN = 300


class Outage:
    """Watches for one destination; `who` is the notifier's name. Where not `wanted` nothing is said there."""

    def __init__(self, attempts: Attempts, *, clock: When, who: str, wanted: bool, log: Log) -> None:
        self._attempts = attempts
        self._backoff = Backoff(Random())
        self._clock = clock
        self._who = who
        self._wanted = wanted
        self._log = log
        self._since: float | None = None
        self._since_ms = 0
        self._well_since: float | None = None
        self._reported = False
        self._message: Message | None = None
        self._attempt: Attempt | None = None
        self._next_try = 0.0

    def lasts(self, why: str) -> None:
        """Notes that the log could not be used just now."""
        now = time.monotonic()
        self._well_since = None
        if self._since is None:
            self._since, self._since_ms = now, _wall_ms()
        if not self._reported and now - self._since >= PATIENCE_SECONDS:
            self._reported = True
            self._report(
                "🚨 THE LOG IS OUT OF REACH: perhaps no entry is answered and no stop noticed; alerts wait",
                f"Why: {readable(why[:_WHY_SHOWN])}",
                f"Seen by notifier {self._who}. Is Redis there? portfold doctor",
                f"Since: {self._clock(self._since_ms):%Y-%m-%dT%H:%M:%S %Z}",
            )
        self._go_on()

    def is_over(self) -> None:
        """Notes that the log was used just now."""
        if self._since is not None:
            now = time.monotonic()
            self._well_since = self._well_since or now
            if not self._reported:
                self._since = None
            elif now - self._well_since >= PATIENCE_SECONDS:
                self._since, self._reported = None, False
                self._report(
                    "✅ The log can be reached again; what happened meanwhile is told as usual",
                    f"Out of reach since {self._clock(self._since_ms):%Y-%m-%dT%H:%M:%S %Z}, "
                    f"as seen by notifier {self._who}",
                    time_line(self._clock(_wall_ms())),
                )
        self._go_on()

    def finish(self, within_seconds: float) -> None:
        """Waits so long at most for what is on its way."""
        if self._attempt is not None:
            self._attempt.over.wait(within_seconds)

    def _report(self, *lines: str) -> None:
        if self._wanted:
            at = _wall_ms()
            self._message = Message("critical", ("not_deciding",), lines, 1, at, at, closed=True)
            self._next_try = 0.0

    def _go_on(self) -> None:
        """Sees to it that what is to be said is, as soon as no other message is on its way there."""
        now, attempt = time.monotonic(), self._attempt
        if attempt is not None and (attempt.over.is_set() or now > attempt.give_up):
            self._conclude(attempt)
        may_begin = self._attempt is None and self._attempts.idle and now >= self._next_try
        if self._message is not None and may_begin:
            self._attempt = self._attempts.begin(self._message)

    def _conclude(self, attempt: Attempt) -> None:
        self._attempt = None
        try:
            attempt.rest_seconds()
        except NotSent as failed:
            self._log.error("What is to be said of the log's absence does not get through", why=str(failed))
            if not failed.for_good:
                self._next_try = time.monotonic() + self._backoff.next_seconds(failed.retry_seconds)
                return
        self._backoff.reset()
        if self._message is attempt.message:
            self._message = None


def _wall_ms() -> int:
    """Returns the time of this machine's clock: the log's is as far away as the log."""
    return int(time.time() * 1000)
