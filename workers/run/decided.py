"""Waits until what was published is decided, so that what is read next shows it."""

import time

from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError

_PAUSE_SECONDS = 0.002


def wait_until_decided(bus: Bus, seconds: float) -> bool:
    """Waits, at most `seconds`, until all that is on the log by now is decided. Returns false if it is not.

    Does not wait where nobody coordinates, or the bus is away.
    """
    deadline = time.monotonic() + seconds
    try:
        last = bus.last_event()
        while (head := bus.head()) is None or head.cursor < last:
            if time.monotonic() >= deadline or not bus.leader():
                return False
            time.sleep(_PAUSE_SECONDS)
    except BusError:
        return False
    return True
