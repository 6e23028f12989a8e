"""What happened, in the lines operators know and grep for.

One event and its decisions give the lines; the state they met is looked at right after the fold, so that
"Open positions: 3/4" is the count at that event, not at the end of the batch. The sentences are those of
`views/words`; here is what they are given from the state, and which of them are logged.
"""

from typing import NamedTuple

from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.views.words.of_decisions import said_of_decision
from portfold.coordinator.views.words.of_events import said_of_event
from portfold.coordinator.views.words.said import Known, Level, Said
from portfold.dollars import shown
from portfold.events.incoming import Event, Malformed, WorkerStopped


class Line(NamedTuple):
    """A line for the log."""

    level: Level
    text: str


class KnownByState(Known):
    """What the state right after an event says besides."""

    def __init__(self, state: State, event: Event) -> None:
        self._state, self._event = state, event

    def daily_pnl(self) -> str:
        """` | Daily P&L: $325.00`."""
        return f" | Daily P&L: {shown(daily_pnl(self._state))}"

    def open_positions(self) -> str:
        """` | Open positions: 2/4`."""
        limits = self._state.limits
        limit = f"/{limits.max_positions}" if limits else ""
        return f" | Open positions: {len(self._state.positions)}{limit}"

    def is_answered_for(self) -> bool:
        """Whether the log is whole again, as far as anybody knows."""
        return self._state.tail_missing is None

    def slots_left(self) -> list[str]:
        """The symbols of the slots that are kept."""
        worker = self._event.worker if isinstance(self._event, WorkerStopped) else ""
        slots = self._state.reservations.values()
        return sorted({one.symbol for one in slots if one.worker == worker and one.kept})


def narrate(state: State, decided: Decided) -> list[Line]:
    """The lines for one event, given the state right after it."""
    event = decided.event
    told: list[Said] = []
    if decided.took_effect and not isinstance(event, Malformed):
        told = said_of_event(event, KnownByState(state, event))
    told += (said_of_decision(decision) for decision in decided.decisions)
    return [Line(one.level, one.text) for one in told if one.level != "debug"]
