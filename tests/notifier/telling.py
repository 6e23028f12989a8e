"""Stories of the fold's tests, told on as alerts: what each step is worth, in words."""

from typing import Any

from portfold.coordinator.expected.lived import Expectation
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import encode
from portfold.events.decisions import Decision
from portfold.events.incoming import Event, Malformed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.alerts import alerts_of
from portfold.workers.notify.book import AlertMemory, book_text, read_book
from portfold.workers.notify.words.wording import clock_of
from tests.coordinator.story import WEDNESDAY, Story, chicago

CHICAGO = clock_of("America/Chicago")
AFTERNOON = chicago(2025, 1, 15, 14, 23, 45)


class Telling(Story):
    """A story whose alerts are collected. The book is written down and read again with every step."""

    def __init__(
        self, start_ms: int = WEDNESDAY, expectation: Expectation | None = None, **changed_limits: Any
    ) -> None:
        self.expectation = expectation
        self.book = AlertMemory()
        self.alerts: list[Alert] = []
        super().__init__(start_ms, **changed_limits)
        self.alerts.clear()

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        decisions = super().hears(event, at)
        told = alerts_of(self.book, self._on_record(event, decisions), CHICAGO, self.expectation)
        kept = read_book(book_text(told.book))
        assert kept == told.book
        self.book = kept
        self.alerts += told.alerts
        return decisions

    def _on_record(self, event: Event | Malformed, decisions: list[Decision]) -> Recorded:
        at = StreamId(self.ms, self._within_ms)
        fields = ["no", "event"] if isinstance(event, Malformed) else encode(event)
        binding = ["event", str(at), "chain", "0" * 64]
        written = [Entry(at.decision(number), encode(one) + binding) for number, one in enumerate(decisions)]
        return Recorded(Entry(at, fields), written)

    def told(self) -> list[str]:
        """The texts since the last look."""
        texts = ["\n".join(alert.lines) for alert in self.alerts]
        self.alerts.clear()
        return texts

    def kinds(self) -> list[str]:
        """The kinds since the last look."""
        kinds: list[str] = [alert.kind for alert in self.alerts]
        self.alerts.clear()
        return kinds
