"""Of several processes for one job of a portfolio, one does it and the others wait for its place."""

import threading

from portfold.errors import PortfoldError
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.claims.claim import Claim, NameTaken


class Replaced(PortfoldError):
    """Another process has taken this one's place, while it gave no sign of life."""


def take_the_place(
    claim: Claim, bus: Bus, name: str, *, seconds: float, log: Log, stop: threading.Event
) -> None:
    """Waits until no other process has the name, or `stop` is set; looks every so many seconds.

    While the log is out of reach it waits as well: it could do nothing, and would make another one deaf.
    """
    why = ""
    while not stop.is_set():
        try:
            bus.claimed([name])
            claim.take()
        except NameTaken:
            waits_for = f"another {name} is at work; this one will be when that is gone"
        except BusError as away:
            waits_for = f"whether another {name} lives is not known: {away}"
        else:
            return
        if waits_for != why:
            log.info(f"Standing by: {waits_for}")
        why = waits_for
        stop.wait(seconds)
