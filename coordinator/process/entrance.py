"""The entrance of the fold: who has keys lets in only what is proved.

With keys every event has to prove whose it is, the leader's own too. What does not is folded as refused, and
its decision says why, so that whoever decides the log again needs no key.
"""

import os
from collections.abc import Mapping
from typing import Literal

from portfold.coordinator.process.terms import CannotProve
from portfold.events.proof import COORDINATOR, apart, refused
from portfold.events.roles.keyring import NO_KEYS, VARIABLE, Keyring
from portfold.events.wire.bus import Bus, Entry

_LATER_MS = 10_000


def refuse_without_keys(
    asked_for: int, keyring: Keyring | None, environ: Mapping[str, str] = os.environ
) -> None:
    """Raises CannotProve where the log asked `asked_for` names for proofs and nobody says that this is over.

    Else a standby that was started without the keys would let anybody in again.
    """
    if asked_for and keyring is None and environ.get(VARIABLE) != NO_KEYS:
        raise CannotProve(
            f"{VARIABLE}: expected the file of all keys, as this log asks for proofs (names with a key: "
            f"{asked_for}), got none. To lead it without from now on: {VARIABLE}={NO_KEYS}"
        )


class Entrance:
    """Says of each entry of the log whether it may come in."""

    def __init__(self, keyring: Keyring | None, log: str, clock: Literal["server", "driven"]) -> None:
        """Raises CannotProve where the leader's own key is not among the keys."""
        self._keyring, self._log, self._has_time = keyring, log, clock == "server"
        if keyring is not None and COORDINATOR not in keyring.names:
            raise CannotProve(
                f"{VARIABLE}: expected a key of {COORDINATOR} in {keyring.file}, got none: portfold keys new "
                f"{COORDINATOR}"
            )

    @classmethod
    def of(cls, bus: Bus, clock: Literal["server", "driven"]) -> "Entrance":
        """Returns the entrance of the log on that bus, by the keys that it has."""
        return cls(bus.keyring, bus.log_name() if bus.keyring else "", clock)

    @property
    def keys(self) -> int:
        """Returns how many names have a key; 0 where nobody has to prove anything."""
        return len(self._keyring.names) if self._keyring else 0

    @property
    def said(self) -> str:
        """Says whether events have to prove whose they are, for the log."""
        if self.keys:
            return f"Every event has to prove whose it is; names with a key: {self.keys}"
        return "No event has to prove whose it is: whoever may write says any name (portfold keys)"

    def refusal(self, entry: Entry) -> str:
        """Says why it is not proved; nothing where it is, or need not be."""
        if self._keyring is None:
            return ""
        return self._keyring.refusal(entry.fields, log=self._log) or self._signed_later(entry)

    def _signed_later(self, entry: Entry) -> str:
        """Says so of an order that was signed behind where it came: it was on what a renewal took off.

        A worker's event may be, after a log has lost its end; its number tells a copy. Where a clock is
        driven, the log is of another time than the server.
        """
        own, proof = apart(entry.fields)
        if not self._has_time or proof is None or "seq" in own[::2]:
            return ""
        late = proof.signed.ms > entry.id.ms + _LATER_MS
        return refused("expected one signed no later than it came, got a later one") if late else ""
