"""Entries that were allowed and not filled yet: whatever orders everything closed takes them back."""

from portfold.coordinator.fold.state import State
from portfold.events.legs import Leg, legs_text
from portfold.events.stream_id import StreamId


def cancel_pending(state: State, at: StreamId) -> str:
    """Takes back every reserved slot, and lists them: what still fills will be closed at once.

    A slot may be filled already, with its report on its way. So it goes on counting as long as a slot whose
    time is over, though nobody may use it.
    """
    pending = legs_text(
        Leg(one.symbol, one.side, one.size, one.worker) for _, one in sorted(state.reservations.items())
    )
    if not state.worker_lost_ms:  # the leader did not report how long a report may be on its way
        state.reservations = {key: one for key, one in state.reservations.items() if one.kept}
    for reservation in state.reservations.values():
        if not reservation.kept:
            reservation.revoked, reservation.expires_ms = True, min(reservation.expires_ms, at.ms)
    return pending
