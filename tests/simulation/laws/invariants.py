"""What must hold, looked at whenever something is written: the judge, who sees the server's memory.

What holds in production holds; grants within the limits; every request answered exactly once, retries alike;
decisions and chain what the events come to, byte for byte; nothing granted after the latch; no commit but by
the latest to lead, and none that does not go on from the last.
"""

from portfold.coordinator.fold.invariants import InvariantBroken, check
from portfold.coordinator.store.ledger import Decided, decide
from portfold.coordinator.store.snapshot import Checkpoint, beginning, read_snapshot
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.keys import Keys
from tests.simulation.laws.account_law import AccountLaw
from tests.simulation.laws.book import Book
from tests.simulation.laws.exposure.budget_law import BudgetLaw
from tests.simulation.laws.exposure.exposure_law import ExposureLaw
from tests.simulation.laws.exposure.scope_law import ScopeLaw
from tests.simulation.laws.exposure.worker_loss_law import WorkerLossLaw
from tests.simulation.laws.lockout_law import LockoutLaw
from tests.simulation.laws.mark_law import MarkLaw
from tests.simulation.laws.money_law import MoneyLaw
from tests.simulation.laws.pace.entries_counted import EntriesCounted
from tests.simulation.laws.pace.pace_law import PaceLaw
from tests.simulation.laws.together_law import TogetherLaw
from tests.simulation.laws.window_law import WindowLaw
from tests.simulation.memory.server import Commit, MemoryServer, Observer
from tests.simulation.scheduler import Violation

_ALL = 1_000_000


class Judge(Observer):
    """Follows the log with a fold and a book of its own."""

    def __init__(self, server: MemoryServer, keys: Keys) -> None:
        self.book = Book()
        self.account = AccountLaw()
        self.together = TogetherLaw()
        self.money = MoneyLaw(self.account, self.together)
        self.marks, self.lockout = MarkLaw(), LockoutLaw()
        self.scopes, self.windows = ScopeLaw(self.book), WindowLaw(self.book)
        self.loss = WorkerLossLaw(self.together)
        self.entries = EntriesCounted(self.book)
        self.exposure = ExposureLaw(self.book, self.money, self.loss, self.entries)
        self.pace = PaceLaw(self.book, self.entries)
        self.budget = BudgetLaw(self.book, self.money, self.loss)
        self.checkpoint = beginning()
        self.epoch = 0
        self._snapshot: object = None
        self._others: list[Checkpoint] = []
        self._decided: list[tuple[StreamId, list[str]]] = []
        self._server = server
        self._keys = keys

    @property
    def drained(self) -> bool:
        """Whether every event is decided."""
        return self.checkpoint.cursor == self._server.last(self._keys.events)

    def led(self, who: str, epoch: int) -> None:
        if epoch <= self.epoch:
            raise Violation(
                "every term has an epoch of its own", f"{who} was given {epoch} after {self.epoch}"
            )
        self.epoch = epoch

    def committed(self, commit: Commit) -> None:
        self._look_at_snapshot()
        if commit.epoch != self.epoch:
            raise Violation(
                "one epoch at a time", f"{commit.epoch} committed {commit.after}, {self.epoch} had begun"
            )
        if commit.before != self.checkpoint.cursor:
            raise Violation(
                "a commit goes on from the last",
                f"from {commit.before} to {commit.after}, where it is decided up to {self.checkpoint.cursor}",
            )
        expected = self._decide_up_to(commit.after)
        if commit.chain != self.checkpoint.chain:
            raise Violation("the chain is what the events come to", f"not at {commit.after}")
        if list(commit.decisions) != expected:
            raise Violation("decisions are what the events come to", f"not those up to {commit.after}")
        self._decided += expected
        self._same_book()

    def _decide_up_to(self, after: StreamId) -> list[tuple[StreamId, list[str]]]:
        expected: list[tuple[StreamId, list[str]]] = []
        for entry in self._server.after(self._keys.events, self.checkpoint.cursor, _ALL):
            if entry.id > after:
                break
            decided = decide(self.checkpoint.state, self.checkpoint.chain, entry.id, entry.fields)
            self.checkpoint.cursor, self.checkpoint.chain = entry.id, decided.chain
            self._state_holds(decided)
            expected += decided.entries
            if entry.id.answerable:
                self._laws_hold(decided)
        if self.checkpoint.cursor != after:
            raise Violation("only events are decided", f"there is none at {after}")
        return expected

    def _laws_hold(self, decided: Decided) -> None:
        at, event, decisions, state = decided.at, decided.event, decided.decisions, self.checkpoint.state
        self.book.enter(at, event, decisions)
        self.account.enter(at, event, decisions, state)
        effective = event if decided.took_effect else None
        self.together.enter(at, effective, decisions, state)
        self.money.enter(at, event, decisions, state)
        self.entries.enter(effective, decisions, state)
        self.lockout.enter(at, event, decisions)
        for law in (self.pace, self.marks, self.scopes, self.windows, self.loss, self.exposure, self.budget):
            law.enter(at, effective, decisions, state)

    def _state_holds(self, decided: Decided) -> None:
        try:
            check(self.checkpoint.state, decided.at, decided.event)
        except InvariantBroken as broken:
            raise Violation("the state holds", str(broken)) from broken

    def _same_book(self) -> None:
        state = self.checkpoint.state
        held = {leg: position.size for leg, position in state.positions.items()}
        reserved = {leg: (one.size, one.request) for leg, one in state.reservations.items()}
        if held != self.book.held or reserved != self.book.reserved:
            raise Violation(
                "the fold's book is the second book",
                f"at {self.checkpoint.cursor}: {held} {reserved}, not {self.book.held} {self.book.reserved}",
            )

    # --- snapshots ---------------------------------------------------------------------------------------

    def _look_at_snapshot(self) -> None:
        """A new one of this checkpoint must be what is known of it; one of another waits for the audit."""
        text = self._server.value(self._keys.snapshot)
        if text is self._snapshot or not isinstance(text, str):
            return
        self._snapshot = text
        checkpoint = read_snapshot(text)
        if checkpoint is not None and checkpoint.cursor == self.checkpoint.cursor:
            self._same_checkpoint(checkpoint, checkpoint.cursor)
        elif checkpoint is not None:
            self._others.append(checkpoint)

    def audit(self) -> None:
        """The streams hold exactly what was committed, and any snapshot leads to where the log has got to."""
        decisions = self._server.after(self._keys.decisions, ORIGIN, _ALL)
        if [(entry.id, entry.fields) for entry in decisions] != self._decided:
            raise Violation("decisions lie as they were committed", "the stream holds something else")
        self._look_at_snapshot()
        for checkpoint in self._others:
            begun = checkpoint.cursor
            for entry in self._server.after(self._keys.events, checkpoint.cursor, _ALL):
                if entry.id <= self.checkpoint.cursor:
                    decided = decide(checkpoint.state, checkpoint.chain, entry.id, entry.fields)
                    checkpoint.cursor, checkpoint.chain = entry.id, decided.chain
            self._same_checkpoint(checkpoint, begun)

    def _same_checkpoint(self, checkpoint: Checkpoint, begun: StreamId) -> None:
        if (checkpoint.chain, checkpoint.state) != (self.checkpoint.chain, self.checkpoint.state):
            raise Violation("from any snapshot one gets to the same", f"not from the one at {begun}")
