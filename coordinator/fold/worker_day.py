"""What a worker did in the trading day: how often it entered.

An entry counts with the first fill of its slot, and its slot counts as one until then; given back or expired
it was none. A fill that nobody granted is an entry. Exits count for nothing.
"""

from portfold.coordinator.fold.state import Reservation, State

_SINCE = 9


def note_entry(state: State, worker: str, slot: Reservation | None) -> None:
    """Counts a fill as an entry, unless the slot it uses was filled in part before."""
    if slot is not None and slot.entered:
        return
    if slot is not None:
        slot.entered = True
    known = state.workers.get(worker)
    if known is None or not _counts(state):
        return
    if known.entered_on != state.day.date:
        known.entered, known.entered_on = 0, state.day.date
    known.entered += 1


def _counts(state: State) -> bool:
    """Earlier versions counted none, so a snapshot of theirs knows of none."""
    return state.fold_version >= _SINCE or (state.limits is not None and bool(state.limits.worker_entries))


def entries_today(state: State, worker: str) -> int:
    """Counts the worker's entries of the trading day, the slots that may become one among them."""
    pending = sum(one.worker == worker and not one.entered for one in state.reservations.values())
    known = state.workers.get(worker)
    if known is None or known.entered_on != state.day.date:
        return pending
    return known.entered + pending
