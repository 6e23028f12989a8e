"""Judges, of events that are to be put on a log again, which of them were proved: they are signed anew there.

What nobody proved would be signed with the key of whom it names. Guarantees: only what proves whose it is
passes, and once; as the log's own entrance lets it in (`entrance.py`, `fold/proofs/`).
"""

from portfold.coordinator.fold.proofs.remembered import AllSigned
from portfold.events.codec import decode_bare
from portfold.events.incoming import CoordinatorStarted
from portfold.events.message import WorkerEvent
from portfold.events.proof import apart, whose
from portfold.events.roles.keyring import Keyring
from portfold.events.wire.bus import Entry


class ProvedBefore:
    """Judges the events behind a point of the log, in their order.

    There `asked` says whether events were to be proved, `signed` what had come under each name.
    """

    def __init__(self, keyring: Keyring, log: str, signed: AllSigned, *, asked: bool) -> None:
        self._keyring, self._log = keyring, log
        self._asked, self._signed = asked, signed

    @property
    def keys(self) -> int:
        """Returns how many names have a key where the log asks for proofs, else 0."""
        return len(self._keyring.names) if self._asked else 0

    def holds(self, entry: Entry) -> bool:
        """Returns whether the event is proved, and no copy; or did not have to be."""
        refusal = self._keyring.refusal(entry.fields, log=self._log)
        own, proof = apart(entry.fields)
        event = decode_bare(own)
        if isinstance(event, CoordinatorStarted) and not refusal:
            self._asked = event.keys > 0
        if not self._asked:
            return True
        if refusal or proof is None:
            return False
        signed = self._signed.by(whose(own))
        if signed.has_forgotten(proof) or signed.knows(proof):
            return False
        if not isinstance(event, WorkerEvent):  # a worker's copy is a repeat
            signed.remember(proof, entry.id)
        return True
