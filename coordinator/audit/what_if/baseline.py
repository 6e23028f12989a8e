"""The recorded side of a what-if: what was decided, event by event, each with the state it met.

Guarantees: every event is decided again and compared with the record, so a what-if is never compared with
what was not decided like this.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.audit.record.record import RecordError
from portfold.coordinator.fold.state import State, leg_of
from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.coordinator.store.verification import Verification
from portfold.events.codec import decode_event
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, PnlDisputed, first, refusal
from portfold.events.incoming import Event, Malformed, PositionClosed
from portfold.events.stream_id import StreamId


class Met(NamedTuple):
    """An event as it was decided, and the `state` right after it.

    `sizes` are the contracts of each leg right before it. `repeated`: it had been folded before.
    `second_close`: it closes a leg that was closed earlier that day.
    """

    at: StreamId
    event: Event | Malformed
    repeated: bool
    decisions: list[Decision]
    sizes: Mapping[str, int]
    second_close: bool
    state: State

    @property
    def rejected(self) -> bool:
        """Returns whether the event was refused."""
        return refusal(self.decisions) is not None

    def grown(self, key: str) -> int:
        """Returns by how many contracts the leg `key` grew; below 0, by how many it shrank."""
        held = self.state.positions.get(key)
        return (held.size if held is not None else 0) - self.sizes.get(key, 0)


class Baseline:
    """Decides the log again, from its beginning or from a checkpoint."""

    def __init__(self, begins_at: Checkpoint | None = None) -> None:
        self._run = Verification(self._see, begins_at)
        self._decided: Decided | None = None

    @property
    def state(self) -> State:
        """Returns the portfolio after the last event."""
        return self._run.state

    def meet(self, recorded: Recorded) -> Met:
        """Takes the next event.

        Raises LogDiffers where its decisions on record are not those of the fold, and RecordError where
        another version of the fold has made them.
        """
        at, fields = recorded.event
        state, event = self.state, decode_event(fields)
        sizes = {key: held.size for key, held in state.positions.items()}
        second_close = isinstance(event, PositionClosed) and leg_of(event) in state.day.closed
        unlike = self._run.go_on(recorded)
        if unlike is not None:
            raise LogDiffers(
                f"The record is not what was decided, so there is nothing to compare with. {unlike.sentence} "
                "See: portfold audit verify"
            )
        decided = self._decided
        if decided is None or decided.at != at:
            raise RecordError(
                f"From event {at} on another version of the rules decided, so there is nothing to ask."
            )
        return Met(at, event, decided.repeated, decided.decisions, sizes, second_close, state)

    def _see(self, decided: Decided, _state: State) -> None:
        self._decided = decided


def counted_pnl(event: PositionClosed, decisions: Sequence[Decision]) -> Decimal:
    """Returns the P&L of a close as the coordinator counted it, to the cent."""
    disputed = first(PnlDisputed, decisions)
    return disputed.counted if disputed is not None else event.pnl


def first_answer(decisions: Sequence[Decision]) -> EntryAllowed | EntryDenied | None:
    """Returns the answer to a request; None for a repeat."""
    for decision in decisions:
        if isinstance(decision, EntryAllowed | EntryDenied) and not decision.repeats:
            return decision
    return None
