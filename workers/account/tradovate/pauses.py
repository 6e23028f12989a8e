"""How long Tradovate is left alone after it refused, so that asking on makes nothing worse.

While a pause lasts nothing is asked, and the same sentence says why. Guarantees: every pause ends, the
longest after an hour, which is how long Tradovate's documentation has one wait after a 429 or a captcha.
"""

from decimal import Decimal

from portfold.clock import Clock
from portfold.workers.account.source import AccountUnreadable

HOUR = 3_600.0
_LONGEST_OF_FAILURES = 60.0


class Pauses:
    """Remembers until when nothing is asked: after the first failure of a row `first_seconds` long."""

    def __init__(self, clock: Clock, first_seconds: float = 1.0) -> None:
        self._clock = clock
        self._first = first_seconds
        self._failures = 0
        self._until = float("-inf")
        self._why = ""

    def check(self) -> None:
        """Raises AccountUnreadable while a pause lasts."""
        if self._clock.monotonic() < self._until:
            raise AccountUnreadable(self._why)

    def end(self) -> None:
        """Takes note that all is well."""
        self._failures = 0

    def after_failure(self, why: str) -> AccountUnreadable:
        """Pauses for a failure that may soon be over: a second, two, four, up to a minute."""
        seconds = min(self._first * 2.0**self._failures, _LONGEST_OF_FAILURES)
        self._failures = min(self._failures + 1, 16)
        return self._pause(seconds, why)

    def after_refusal(self, why: str) -> AccountUnreadable:
        """Pauses for a refusal that asking again makes worse: a minute, two, four, up to an hour."""
        seconds = min(self._first * 60 * 2.0**self._failures, HOUR)
        self._failures = min(self._failures + 1, 16)
        return self._pause(seconds, f"{why}; it is asked again after {seconds:g} s")

    def for_penalty(self, seconds: Decimal, *, captcha: bool) -> AccountUnreadable:
        """Pauses for as long as a ticket says, or for the hour after which a captcha is not asked for."""
        pause = HOUR if captcha else min(max(float(seconds), self._first), HOUR)
        kind = "a captcha, which no program can answer" if captcha else "waiting (a penalty ticket)"
        return self._pause(pause, f"Tradovate demands {kind}; it is asked again after {pause:g} s")

    def _pause(self, seconds: float, why: str) -> AccountUnreadable:
        self._until, self._why = self._clock.monotonic() + seconds, why
        return AccountUnreadable(why)
