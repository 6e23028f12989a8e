"""What must hold, looked at whenever something is written: the simulation's judge, who sees the server's memory.

Grants within the limits; every request answered exactly once, retries alike; decisions and chain what the
events come to, byte for byte; nothing granted after the latch; no commit but by the latest to lead, and none
that does not go on from the last.
"""

from coordinator.ledger import decide
from coordinator.snapshot import beginning, read_snapshot
from events.bus import Entry
from events.keys import Keys
from events.stream_id import ORIGIN, StreamId
from tests.simulation.book import Book
from tests.simulation.memory_server import Commit, MemoryServer, Observer
from tests.simulation.scheduler import Violation

_ALL = 1_000_000


class Judge(Observer):
    """Follows the log with a fold and a book of its own."""

    def __init__(self, server: MemoryServer, keys: Keys) -> None:
        self.book = Book()
        self.place = beginning()
        self.commits = 0
        self.epoch = 0
        self._decided: list[tuple[StreamId, list[str]]] = []
        self._server = server
        self._keys = keys

    @property
    def drained(self) -> bool:
        """Whether every event is decided."""
        return self.place.cursor == self._server.last(self._keys.events)

    def led(self, who: str, epoch: int) -> None:
        if epoch <= self.epoch:
            raise Violation("every term has an epoch of its own", f"{who} was given {epoch} after {self.epoch}")
        self.epoch = epoch

    def committed(self, commit: Commit) -> None:
        self.commits += 1
        if commit.epoch != self.epoch:
            raise Violation(
                "one epoch at a time", f"{commit.epoch} committed {commit.after}, {self.epoch} had begun"
            )
        if commit.before != self.place.cursor:
            raise Violation(
                "a commit goes on from the last",
                f"from {commit.before} to {commit.after}, where the log is decided up to {self.place.cursor}",
            )
        expected = self._decide_up_to(commit.after)
        if commit.chain != self.place.chain:
            raise Violation("the chain is what the events come to", f"not at {commit.after}")
        if list(commit.decisions) != expected:
            raise Violation("decisions are what the events come to", f"not those up to {commit.after}")
        self._decided += expected
        self._same_book()

    def _decide_up_to(self, after: StreamId) -> list[tuple[StreamId, list[str]]]:
        expected: list[tuple[StreamId, list[str]]] = []
        for entry in self._server.after(self._keys.events, self.place.cursor, _ALL):
            if entry.id > after:
                break
            decided = decide(self.place.state, self.place.chain, entry.id, entry.fields)
            self.place.cursor, self.place.chain = entry.id, decided.chain
            expected += decided.entries
            if entry.id.answerable:
                self.book.enter(entry.id, decided.event, decided.decisions)
        if self.place.cursor != after:
            raise Violation("only events are decided", f"there is none at {after}")
        return expected

    def _same_book(self) -> None:
        state = self.place.state
        held = {leg: position.size for leg, position in state.positions.items()}
        reserved = {leg: (one.size, one.request) for leg, one in state.reservations.items()}
        if held != self.book.held or reserved != self.book.reserved:
            raise Violation(
                "the fold's book is the second book",
                f"at {self.place.cursor}: {held} {reserved}, where {self.book.held} {self.book.reserved}",
            )

    # --- at the end --------------------------------------------------------------------------------------

    def audit(self) -> None:
        """The streams hold exactly what was committed, and from the snapshot one gets to the same place."""
        decisions = self._server.after(self._keys.decisions, ORIGIN, _ALL)
        if [(entry.id, entry.fields) for entry in decisions] != self._decided:
            raise Violation("decisions lie as they were committed", "the stream holds something else")
        snapshot = self._server.value(self._keys.snapshot)
        self.leads_on(snapshot if isinstance(snapshot, str) else None)

    def leads_on(self, snapshot: str | None) -> None:
        """From a snapshot, if it is whole, the log leads to the same state and chain."""
        place = read_snapshot(snapshot) or beginning()
        for entry in self._server.after(self._keys.events, place.cursor, _ALL):
            if entry.id > self.place.cursor:
                break
            place.cursor, place.chain = entry.id, decide(place.state, place.chain, entry.id, entry.fields).chain
        if (place.chain, place.state) != (self.place.chain, self.place.state):
            raise Violation("every snapshot leads to the same", f"not the one at {place.cursor}")
