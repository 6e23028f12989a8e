"""How often Interactive Brokers may be asked for the past: its pacing rules, kept with room to spare.

It refuses more than 60 questions in ten minutes, six for one contract within two seconds, and the same one
again within 15 seconds (IBKR's TWS API, "Pacing Violations"). Guarantees: no question is asked before its
turn, across all reconnects.
"""

import asyncio
import math
from collections import deque
from typing import NamedTuple

from portfold.clock import Clock


class PacingRules(NamedTuple):
    """At most `most` within `window_seconds`, `apart_seconds` apart, and `again_seconds` before a repeat."""

    most: int = 50
    window_seconds: float = 600.0
    apart_seconds: float = 0.5
    again_seconds: float = 16.0


class Pacing:
    """Of one client, whatever number of connections it makes."""

    def __init__(self, clock: Clock, rules: PacingRules) -> None:
        self._clock = clock
        self._rules = rules
        self._asked: deque[float] = deque(maxlen=rules.most)

    async def turn(self) -> None:
        """Waits until a question may be asked, and counts it."""
        while (seconds := self.seconds_to_wait()) > 0:
            await asyncio.sleep(seconds)
        self._asked.append(self._clock.monotonic())

    async def before_a_repeat(self) -> None:
        """Waits until the question that was asked last may be asked again."""
        await asyncio.sleep(self._rules.again_seconds)

    def seconds_to_wait(self) -> float:
        """Returns how long it is until the next question may be asked."""
        now = self._clock.monotonic()
        last = self._asked[-1] if self._asked else -math.inf
        full = len(self._asked) == self._rules.most
        first = self._asked[0] if full else -math.inf
        return max(last + self._rules.apart_seconds - now, first + self._rules.window_seconds - now, 0.0)
