"""Judges, of events that are to be put on a log again, which of them were proved: they are signed anew there.

What nobody proved would be signed with the key of whom it names. Guarantees: only what proves whose it is
passes, once, and at its time; as the log's own entrance lets it in (`entrance.py`, `fold/effects/proofs.py`).
"""

from collections.abc import Mapping

from portfold.events.codec import decode_bare
from portfold.events.incoming import CoordinatorStarted
from portfold.events.message import WorkerEvent
from portfold.events.proof import COORDINATOR, apart, whose
from portfold.events.roles.keyring import Keyring
from portfold.events.wire.bus import Entry


class ProvedBefore:
    """Judges the events behind a point of the log, in their order.

    There `asked` says whether events were to be proved, `signed` when the last order by each key was. What
    lies ahead of `now_ms`, behind an event from the future, came at a time that nobody knows.
    """

    def __init__(
        self, keyring: Keyring, log: str, signed: Mapping[str, int], now_ms: int, *, asked: bool
    ) -> None:
        self._keyring, self._log, self._now_ms = keyring, log, now_ms
        self._asked, self._signed = asked, dict(signed)

    @property
    def keys(self) -> int:
        """Returns how many names have a key where the log asks for proofs, else 0."""
        return len(self._keyring.names) if self._asked else 0

    def holds(self, entry: Entry) -> bool:
        """Returns whether the event is proved, and no copy of an order; or did not have to be."""
        came_ms = entry.id.ms if entry.id.ms <= self._now_ms else None
        refusal = self._keyring.refusal(entry.fields, log=self._log, ms=came_ms)
        own, proof = apart(entry.fields)
        event = decode_bare(own)
        if isinstance(event, CoordinatorStarted) and not refusal:
            self._asked = event.keys > 0
        if not self._asked:
            return True
        if refusal or proof is None:
            return False
        if isinstance(event, WorkerEvent) or whose(own) == COORDINATOR:  # a worker's copy is a repeat
            return True
        if proof.signed_ms <= self._signed.get(proof.key, 0):
            return False
        self._signed[proof.key] = proof.signed_ms
        return True
