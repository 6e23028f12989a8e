"""Asking what if of a small log: a story that is written down as it is told, or any record in memory."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from portfold.coordinator.audit.what_if.baseline import Baseline
from portfold.coordinator.audit.what_if.comparison import OtherBook, what_if
from portfold.coordinator.audit.what_if.findings import Finding, TradeGone, Turned
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.audit.what_if.tally import Tally
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import encode
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied
from portfold.events.incoming import Event, Malformed
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory
from tests.coordinator.story import WEDNESDAY, Story

Kind = TypeVar("Kind", bound=Finding)


class Supposed:
    """What came of a question: all `findings`, and the other `book` at the end."""

    def __init__(self, recorded: Iterable[Recorded], overrides: Overrides) -> None:
        baseline, self.book = Baseline(), OtherBook(overrides)
        self.findings: list[Finding] = []
        for one in recorded:
            self.findings += self.book.hear(baseline.meet(one))
        self.findings += self.book.end(baseline.state)
        self.recorded = baseline.state
        self.tally = Tally()
        for found in self.findings:
            self.tally.add(found)

    def each(self, kind: type[Kind]) -> list[Kind]:
        """The findings of a kind."""
        return [found for found in self.findings if isinstance(found, kind)]

    def one(self, kind: type[Kind]) -> Kind:
        """The only finding of a kind."""
        (found,) = self.each(kind)
        return found

    @property
    def turns(self) -> list[tuple[str, str, str]]:
        """Of each entry that turns: symbol, the recorded answer, the other."""
        return [(one.symbol, one.recorded, one.what_if) for one in self.each(Turned)]

    @property
    def gone(self) -> list[tuple[str, int, Decimal, str]]:
        """Of each trade that is gone: symbol, contracts, P&L on the log, why."""
        return [(one.symbol, one.contracts, one.pnl, one.why) for one in self.each(TradeGone)]


class WrittenDown(Story):
    """A story whose log is kept, so that one can ask about it."""

    def __init__(self, start_ms: int = WEDNESDAY, **changed_limits: Any) -> None:
        self.log: list[tuple[StreamId, list[str]]] = []
        super().__init__(start_ms, **changed_limits)

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        decisions = super().hears(event, at)
        assert not isinstance(event, Malformed)
        self.log.append((StreamId(self.ms, self._within_ms), encode(event)))
        return decisions

    def is_allowed(self, symbol: str, size: int = 1, side: str = "long", worker: str = "") -> None:
        """Asks, and is allowed on the log."""
        assert isinstance(self.asks(symbol, size, side, worker), EntryAllowed)

    def is_denied(self, symbol: str, size: int = 1, side: str = "long", worker: str = "") -> None:
        """Asks, and is denied on the log."""
        assert isinstance(self.asks(symbol, size, side, worker), EntryDenied)

    def trades(self, symbol: str, pnl: str) -> None:
        """Asks, is allowed and filled, and closes."""
        self.is_allowed(symbol)
        self.fills(symbol)
        self.closes(symbol, pnl=pnl)

    def what_if(self, **limits: object) -> Supposed:
        """Asks about all that was told so far."""
        record = InMemory(self.log)
        return Supposed(record.recorded(), overrides(**limits))


def overrides(**limits: object) -> Overrides:
    """Such as max_positions=3."""
    return Overrides.of({name: str(value) for name, value in limits.items()})


def asked(record: InMemory, **limits: object) -> list[Finding]:
    """All findings."""
    return list(what_if(record.recorded(), overrides(**limits)))


def dollars(amount: str | int) -> Decimal:
    return Decimal(amount)
