"""A log whose every event has a proof, and whoever signs for it, with clocks that may be wrong."""

from collections.abc import Callable
from pathlib import Path

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import Decided, decide
from portfold.events.chain import GENESIS
from portfold.events.codec import encode
from portfold.events.incoming import CoordinatorStarted, Event, TradingHalted
from portfold.events.proof import proved
from portfold.events.roles.keyring import Keyring, with_new_key
from portfold.events.roles.signer import LogAsItIs, Signer
from portfold.events.stream_id import StreamId
from tests.coordinator.story import MINUTE

NAMES = ("coordinator", "ibs-ES", "jane")
NOON = 1_800_000_000_000
SECRET = "of-tests-and-nobody-else"  # noqa: S105 - of tests
HALT = TradingHalted(by="jane", reason="news")
BEGUN = CoordinatorStarted(leader="one", epoch=1, fold=10, version="1", keys=len(NAMES))


def ring_in(folder: Path) -> Keyring:
    for name in NAMES:
        with_new_key(folder / "keys.json", name)
    return Keyring(folder / "keys.json")


class ProvedLog:
    """A log in memory as a server keeps it: an ID never goes back. Its leader lets in what is proved."""

    def __init__(self) -> None:
        self.state, self.server_ms, self.last = State(), NOON, StreamId(NOON, 0)
        self.puts(signed(BEGUN, "coordinator.1", NOON))

    @property
    def free(self) -> StreamId:
        """The first ID that is free, which whoever adds to it gets."""
        return max(StreamId(self.server_ms, 0), self.last.after())

    def signer(self, ring: Keyring, steady: Callable[[], float] | None = None) -> Signer:
        """Of a process that has just begun."""
        return Signer(ring, lambda: LogAsItIs("a1", self.free), steady or (lambda: self.server_ms / 1000))

    def puts(self, fields: list[str]) -> Decided:
        """Somebody adds an entry, which is decided."""
        self.last = self.free
        return decide(self.state, GENESIS, self.last, fields)

    def jumps(self, ms: int) -> None:
        """Somebody adds an entry with an ID that is so far ahead."""
        self.last = StreamId(self.last.ms + ms, 0)
        decide(self.state, GENESIS, self.last, ["type", "Nonsense"], "proof: none")


def signed(event: Event, key: str, ms: int) -> list[str]:
    return proved(encode(event), key=key, secret=SECRET, log="a1", at=StreamId(ms, 0))


def why_refused(decided: Decided) -> str:
    """Why it was refused, as not proved; nothing where it was not."""
    reasons = [str(getattr(one, "reason", "")) for one in decided.decisions]
    return next((reason for reason in reasons if reason.startswith("proof: ")), "")


A_DAY = 24 * 60 * MINUTE
