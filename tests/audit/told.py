"""A story whose log is kept: what is told, event by event, is also a record to ask about."""

from typing import Any

from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.days import Asked, Gathered, gather
from portfold.events.codec import encode
from portfold.events.decisions import Decision
from portfold.events.incoming import Event, Malformed
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory
from tests.coordinator.story import SECOND, Story

ALL = Asked()


class Told(Story):
    """A portfolio, its log so far, and the record of it."""

    def __init__(self, *told: Any, **changed_limits: Any) -> None:
        self.entries: list[tuple[StreamId, list[str]]] = []
        super().__init__(*told, **changed_limits)

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        """Folds `event`, and keeps it as it would lie in the stream."""
        decisions = super().hears(event, at)
        self.entries.append((StreamId(self.ms, self._within_ms), _words(event)))
        return decisions

    @property
    def record(self) -> InMemory:
        """All of it, decided."""
        return InMemory(self.entries)

    def gathered(self, asked: Asked = ALL) -> Gathered:
        """The accounts of the days asked for."""
        return gather(self.record, asked)

    def account(self) -> DayAccount:
        """That of the only day there is."""
        [account] = self.gathered().accounts
        return account


def stopped(**limits: Any) -> Told:
    """Two open, stopped out at -2,600 by a mark 1 s later; then CL is closed after 40 ms, ES after 90."""
    story = Told(**limits)
    story.enters("CL", "ES")
    story.ms += SECOND
    story.marks("ES", "-2600")
    story.ms += 39
    story.closes("CL", "-10")
    story.ms += 49
    story.closes("ES", "-2700")
    return story


def _words(event: Event | Malformed) -> list[str]:
    return ["type", event.type] if isinstance(event, Malformed) else encode(event)
