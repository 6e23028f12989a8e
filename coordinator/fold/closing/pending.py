"""Entries that were allowed and not filled yet: a flatten takes back those in its scope."""

from collections.abc import Sequence

from portfold.coordinator.fold.scopes import covers
from portfold.coordinator.fold.state import Reservation, State
from portfold.events.legs import Leg, legs_text
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId


def cancel_pending(state: State, at: StreamId, scopes: Sequence[Scope] | None = None) -> str:
    """Takes back every reserved slot, or each in the scopes, and lists them: what still fills will be closed.

    A slot may be filled already, with its report on its way. So it goes on counting as long as a slot whose
    time is over, though nobody may use it.
    """
    taken = {key: one for key, one in state.reservations.items() if _is_in(state, scopes, one)}
    pending = legs_text(Leg(one.symbol, one.side, one.size, one.worker) for _, one in sorted(taken.items()))
    for key, reservation in taken.items():
        if reservation.kept:
            continue
        if state.worker_lost_ms:
            reservation.revoked, reservation.expires_ms = True, min(reservation.expires_ms, at.ms)
        else:  # the leader did not report how long a report may be on its way
            del state.reservations[key]
    return pending


def _is_in(state: State, scopes: Sequence[Scope] | None, one: Reservation) -> bool:
    return scopes is None or any(covers(scope, state.limits, one.symbol, one.worker) for scope in scopes)
