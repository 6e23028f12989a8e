"""Says that a log denies every entry: a run that trades nothing would else look like one that found nothing.

Guarantees: a stop or a halt is logged with what ends it, when, and the command to type, at the start of a run
and, where it still holds, at its end.
"""

import threading
import time
from zoneinfo import ZoneInfo

from portfold.coordinator.views.headlines import denying
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.events.wire.bus import Bus
from portfold.log import Log

_DECIDED_SECONDS = 5.0
_LOOK_SECONDS = 0.02
_GO_ON = {
    "stopped_out": (
        "Wait for the new day; or, to go on today with one more daily limit to lose: portfold resume --force "
        "--by NAME --reason TEXT"
    ),
}


def wait_for_decisions(bus: Bus, stop: threading.Event) -> None:
    """Waits, for seconds at most, until who leads has decided all that is on the log now. Raises BusError.

    A coordinator that starts with the run has still to fold what was ordered before, a resume perhaps.
    """
    last, until = bus.last_event(), time.monotonic() + _DECIDED_SECONDS
    while time.monotonic() < until and not stop.is_set():
        head = bus.head()
        if (head is not None and head.cursor >= last) or bus.leader() is None:
            return
        stop.wait(_LOOK_SECONDS)


def log_what_denies(bus: Bus, zone: ZoneInfo, log: Log, *, beforehand: str = "") -> None:
    """Logs each of what denies every entry now, times on the clocks of `zone`. Raises BusError.

    `beforehand`: what to do before the command can be typed.
    """
    for one in denying(what_can_be_read(bus.status()).view, zone):
        what_to_do = f"{beforehand}{one.remedy or _GO_ON[one.code]}"
        log.critical(f"NO ENTRY IS ALLOWED: {one.title} {one.text}", what_to_do=what_to_do)
