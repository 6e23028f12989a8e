"""What came under each name, so that a copy of it is told: what was proved once counts once.

No clock tells a copy. An order is known by the digest of its proof; a worker's event by its session and
number, which the fold remembers anyway. The moment in a proof only bounds what has to be remembered: what was
signed no later than something forgotten is refused. It is a place in the log, behind all that was there
(`events/roles/signer.py`): whatever happens to a clock, what is signed now is later than what came before.
Pure, and bounded.
"""

from msgspec import Struct, field

from portfold.events.proof import Proof
from portfold.events.stream_id import ORIGIN, StreamId

REMEMBERED_MS = 600_000
"""How much earlier than the latest of its name an order may have been signed."""
DIGESTS_REMEMBERED = 256
NAMES_REMEMBERED = 1_000
_LETTERS = 16


class Signed(Struct):
    """What came under one name.

    `latest` is where the latest was signed, but no later than it came: a log that lost its end makes nobody
    late. Up to `forgotten` some may be forgotten; `digests` are the orders that were signed after that.
    """

    latest: StreamId = ORIGIN
    forgotten: StreamId = ORIGIN
    digests: dict[str, StreamId] = field(default_factory=dict)

    def has_forgotten(self, proof: Proof) -> bool:
        """Returns whether it may have come before, and be forgotten."""
        return proof.signed <= self.forgotten

    def knows(self, proof: Proof) -> bool:
        """Returns whether an order of that proof came before."""
        return proof.digest[:_LETTERS] in self.digests

    def note(self, proof: Proof, at: StreamId) -> None:
        """Notes where something was signed that came as the event `at`."""
        self.latest = max(self.latest, min(proof.signed, at))

    def remember(self, proof: Proof, at: StreamId) -> None:
        """Remembers an order; forgets those of long before it, and the earliest where they are too many."""
        self.note(proof, at)
        self.digests[proof.digest[:_LETTERS]] = proof.signed
        self.forgotten = max(self.forgotten, StreamId(max(self.latest.ms - REMEMBERED_MS, 0), 0))
        if len(self.digests) > DIGESTS_REMEMBERED:
            self.forgotten = max(self.forgotten, min(self.digests.values()))
        for digest in [digest for digest, signed in self.digests.items() if signed <= self.forgotten]:
            del self.digests[digest]


class AllSigned(Struct):
    """What came under all names; that of a name not among them may be forgotten up to `forgotten`."""

    names: dict[str, Signed] = field(default_factory=dict)
    forgotten: StreamId = ORIGIN

    def forget(self, up_to: StreamId) -> None:
        """Forgets what was signed up to there, of every name: what was taken off the log cannot be known."""
        self.forgotten = max(self.forgotten, up_to)
        for signed in self.names.values():
            signed.forgotten = max(signed.forgotten, up_to)

    def by(self, name: str) -> Signed:
        """Returns what came under that name, and forgets another name where they are too many."""
        known = self.names.get(name)
        if known is not None:
            return known
        if len(self.names) >= NAMES_REMEMBERED:
            oldest = min(self.names, key=lambda each: self.names[each].latest)
            self.forgotten = max(self.forgotten, self.names.pop(oldest).latest)
        added = self.names[name] = Signed(self.forgotten, self.forgotten)
        return added
