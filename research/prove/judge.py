"""The firm's rule, judged apart from ours: a second implementation, of the profile's terms alone.

It imports nothing that decides for us, so that a mistake there is not repeated here. It is shown the account
at each moment, as the firm sees it: what is realized, with each commission when it was paid, and what is open
at the market's price.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.config.profiles import FirmsRule
from portfold.dollars import ZERO
from portfold.exchange_time import local_time, milliseconds_of

_FRIDAY, _NOON = 4, 12


class Broken(NamedTuple):
    """The firm's rule is broken: at this moment so much equity has come to its floor, below this peak."""

    ms: int
    equity: Decimal
    floor: Decimal
    peak: Decimal


class Judge:
    """Follows one account by the firm's rule; `broken` is the first time that it was, `floor` where it is."""

    def __init__(self, rule: FirmsRule, begins_ms: int) -> None:
        self._rule = rule
        self._peak = max(rule.start_peak, rule.start_balance)
        self._last = rule.start_balance
        self._closes_ms = self._next_close(begins_ms)
        self.broken: Broken | None = None

    @property
    def floor(self) -> Decimal:
        """Returns the equity at which the firm ends the account."""
        floor = self._peak - self._rule.amount
        return min(floor, self._rule.locks_at) if self._rule.locks_at else floor

    def sees(self, ms: int, made: Decimal, opened: Decimal) -> None:
        """Looks at the account: dollars `made` since the beginning, and those that are `opened` now."""
        rule = self._rule
        realized = rule.start_balance + made
        self._close_days(ms)
        self._last = realized + (opened if rule.peak_on == "total" else ZERO)
        if not self._closes_ms:
            self._peak = max(self._peak, self._last)
        tested = realized + (opened if rule.tested_on == "total" else ZERO)
        if self.broken is None and tested <= self.floor:
            self.broken = Broken(ms, tested, self.floor, self._peak)

    def _close_days(self, ms: int) -> None:
        """Raises the peak at each of the firm's closes that has passed, to the equity as it was then."""
        if self._closes_ms and ms >= self._closes_ms:
            self._peak = max(self._peak, self._last)
            self._closes_ms = self._next_close(ms)

    def _next_close(self, ms: int) -> int:
        """Returns when the firm's next day ends, a weekday's; 0 where its peak counts with every price.

        What ends before noon is the day before.
        """
        if not self._rule.at:
            return 0
        zone, at = ZoneInfo(self._rule.zone), time.fromisoformat(self._rule.at)
        day = local_time(ms, zone).date()
        while True:
            closes_ms = milliseconds_of(datetime.combine(day, at, zone))
            ended = day - timedelta(days=at.hour < _NOON)
            if closes_ms > ms and ended.weekday() <= _FRIDAY:
                return closes_ms
            day += timedelta(days=1)
