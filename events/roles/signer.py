"""Signs events: gives each the proof of whose it is, with the place of the log at which it was signed.

That is the first ID that is free: behind the log's end, and no earlier than the server's clock. An ID never
goes back (ADR 2). So whatever happens to a clock, this machine's is not asked at all, what is signed now is
signed later than whatever is on the log, and no later than where it will be. It is asked for each order and
with the first event of a session; within a session, where a number tells a copy, it may be a moment old.
Guarantees: no two events of one signer have the same proof.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from portfold.events.roles.keyring import Keyring
from portfold.events.stream_id import ORIGIN, StreamId

_ASKED_SECONDS = 10.0
_GONE_BACK_MS = 1_000


class LogAsItIs(NamedTuple):
    """The log's name, and the first ID that is free on it."""

    name: str
    free: StreamId


class Signer:
    """Signs with the keys of a ring; `ask` says how the log is."""

    def __init__(
        self, keyring: Keyring, ask: Callable[[], LogAsItIs], steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._keyring, self._ask, self._steady = keyring, ask, steady
        self._log, self._asked = LogAsItIs("", ORIGIN), -_ASKED_SECONDS
        self._session, self._last = "", ORIGIN

    def signed(self, fields: list[str], *, otherwise: str = "") -> list[str]:
        """Returns an event with its proof, where they have no key by the one of the name `otherwise`.

        As it is where neither is here.
        """
        session = _session_of(fields)
        is_known = session and session == self._session and self._log.name
        if not is_known or self._steady() >= self._asked + _ASKED_SECONDS:
            self._log, self._asked = self._ask(), self._steady()
        self._session = session or self._session
        lost_its_end = self._last.ms > self._log.free.ms + _GONE_BACK_MS
        self._last = self._log.free if lost_its_end else max(self._log.free, self._last.after())
        return self._keyring.signed(fields, log=self._log.name, at=self._last, otherwise=otherwise)


def _session_of(fields: list[str]) -> str:
    """Returns the session in which an event has a number; nothing where it has none."""
    by_name = dict(zip(fields[::2], fields[1::2], strict=False))
    return by_name.get("session", "") if "seq" in by_name else ""
