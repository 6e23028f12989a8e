"""The server's clock: known without asking each time, and watched: time on the log must not be ahead of it.

An ID never goes back. So after an event from the future, written by hand or while the clock was wrong, every
event carries that same time until the clock has come there: no deadline passes, no day ends.
"""

from collections.abc import Callable

from portfold.events.incoming import COORDINATOR, TradingHalted
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.exchange_time import utc_clock

AHEAD_MS = 5_000
APART_MS = 60_000


class ServerClock:
    """The server's clock in milliseconds, carried on by ours from when it was last asked."""

    def __init__(self, bus: Bus, monotonic: Callable[[], float]) -> None:
        self._bus = bus
        self._monotonic = monotonic
        self._ahead_ms = 0

    def ask(self) -> None:
        """Notes how far it is ahead of our own."""
        self._ahead_ms = self._bus.now_ms() - int(self._monotonic() * 1000)

    def ms(self) -> int:
        """What it shows, as far as we know."""
        return self._ahead_ms + int(self._monotonic() * 1000)

    def behind(self, last: StreamId) -> TradingHalted | None:
        """The order to halt where it is more than 5 s behind the last event; asked before that is said."""
        if halt_if_ahead(last, self.ms()) is None:
            return None
        self.ask()
        return halt_if_ahead(last, self.ms())


def halt_if_ahead(last: StreamId, server_ms: int) -> TradingHalted | None:
    """The order to halt where the last event is more than 5 s ahead of the server's clock."""
    ahead_ms = last.ms - server_ms
    if ahead_ms <= AHEAD_MS:
        return None
    return TradingHalted(
        by=COORDINATOR,
        reason=(
            f"The last event is {ahead_ms / 1000:,.1f} s ahead of the server's clock, so time stands still "
            f"on the log until {utc_clock(last.ms)}. Put the clock right or wait until then, and portfold "
            "resume; or start another portfolio."
        ),
    )


def apart(server_ms: int, own_ms: int) -> str:
    """A sentence where the server's clock and this machine's differ by more than a minute; else nothing."""
    apart_ms = server_ms - own_ms
    if abs(apart_ms) <= APART_MS:
        return ""
    which = "ahead of" if apart_ms > 0 else "behind"
    return f"The server's clock is more than a minute {which} this machine's; the server's counts"
