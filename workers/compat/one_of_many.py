"""Chooses, of many processes with the same message for people, the one that sends it.

Each process of a program hears the same day end, and the same order where nobody has anything to close: each
would send the same message. Guarantees: of those that ask about one subject the first is chosen, and stays
so; with the bus away each is, since nobody knows of the others and silence would be worse.
"""

import secrets

from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log

_REMEMBERED_MS = 2 * 24 * 3600 * 1000  # a process that starts again hears what was decided meanwhile


class OneOfMany:
    """This process, which trades as `worker`, among those of its portfolio."""

    def __init__(self, bus: Bus, worker: str, log: Log) -> None:
        self._bus = bus
        self._me = f"{worker} {secrets.token_hex(8)}"
        self._log = log

    def is_chosen(self, subject: str) -> bool:
        """Returns whether this process is the one to notify people of the subject."""
        try:
            # With a blank in it, it is no worker's name.
            other = self._bus.claim(f"telling {subject}", self._me, _REMEMBERED_MS, "")
        except BusError as error:
            self._log.error("Whether another process tells of it is not known", of=subject, why=str(error))
            return True
        if other:
            self._log.info("Another process tells of it", of=subject, other=other.partition(" ")[0])
        return not other
