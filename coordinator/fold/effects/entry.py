"""Entries: may this be opened? Allowing reserves the slot, so two requests can never share one.

The rules are asked in the order of their table. The first that objects is the answer.
"""

from portfold.coordinator.fold.invariants import check_grant
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.budget.plans import plan_of
from portfold.coordinator.fold.rules.pace import rate
from portfold.coordinator.fold.rules.rule import Denial
from portfold.coordinator.fold.rules.table import why_not
from portfold.coordinator.fold.state import Reservation, State, leg_key, slots_used
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, EntryExpired, EventRejected
from portfold.events.incoming import EntryRenewed, EntryRequested, EntryWithdrawn
from portfold.events.stream_id import StreamId

SENTENCE = 500
"""The longest text a decision carries."""


_NAMED_SINCE = 9
NO_LIMITS = Denial("halted", "No limits are in force yet")


def answer(state: State, at: StreamId, request: EntryRequested) -> EntryAllowed | EntryDenied:
    """Allows the entry and reserves its slot, or says why not."""
    rate.refill(state, at, request.worker)
    state.stats.total_entries_requested += 1
    state.day.entries_requested += 1
    limits = state.limits
    denial = NO_LIMITS if limits is None else why_not(state, limits, request)
    if limits is None or denial is not None:
        return _deny(state, request, denial or NO_LIMITS)
    return allow(state, limits, at, request)


def allow(state: State, limits: Limits, at: StreamId, request: EntryRequested) -> EntryAllowed:
    """Allows the entry, whatever the rules would say, and reserves its slot."""
    state.stats.total_entries_allowed += 1
    state.day.entries_allowed += 1
    expires_ms = at.ms + limits.reservation_ms
    if state.fold_version >= 6:
        _forget_closes(state, request)
    state.reservations[leg_key(request.symbol, request.side, request.worker)] = Reservation(
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        worker=request.worker,
        request=str(at),
        expires_ms=expires_ms,
        lasts_ms=limits.reservation_ms,
        asked=f"{request.session}:{request.seq}",
        plan=plan_of(request),
    )
    rate.note_allowed(state, at, request.worker)
    check_grant(state, limits, request)
    return EntryAllowed(
        worker=request.worker,
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        expires_ms=expires_ms,
        slots=slots_used(state),
        max_positions=limits.max_positions,
    )


def _forget_closes(state: State, request: EntryRequested) -> None:
    """Forgets earlier closes of the leg: a close from here on may be of what fills now, and no repeat."""
    for side in ("long", "short"):
        state.day.closed.pop(leg_key(request.symbol, side, request.worker), None)


def _deny(state: State, request: EntryRequested, denial: Denial) -> EntryDenied:
    state.stats.total_entries_blocked += 1
    state.day.entries_blocked += 1
    return EntryDenied(
        worker=request.worker,
        symbol=request.symbol,
        side=request.side,
        size=request.size,
        code=denial.code,
        reason=denial.reason[:SENTENCE],
    )


# --- the end of a reservation ---------------------------------------------------------------------------


def withdraw(state: State, event: EntryWithdrawn) -> list[Decision]:
    """Gives back the worker's slot in the symbol. With none reserved, nothing changes.

    Only its present session may: a replaced process must not free what its successor was granted. And only
    the slot of the request that it names: what another thread was granted may be filled any moment. One that
    names none, an older worker's or a hand's, frees only where no other request can be meant.
    """
    if state.workers[event.worker].session != event.session:
        return []
    keys, asked = _reserved_by(state, event), f"{event.session}:{event.request}"
    if state.fold_version >= _NAMED_SINCE:
        if event.request:
            keys = [key for key in keys if state.reservations[key].asked == asked]
        elif not all(_can_only_mean(state, state.reservations[key]) for key in keys):
            reason = (
                f"EntryWithdrawn.request: missing, and {event.worker} has asked for {event.symbol} more "
                "than once lately: the slot stays until it is over, for another may be meant"
            )
            return [EventRejected(reason=reason, rejected="EntryWithdrawn")]
    for key in keys:
        del state.reservations[key]
    return []


def _can_only_mean(state: State, slot: Reservation) -> bool:
    """Returns whether no request of the worker in the symbol was denied lately: perhaps it missed its answer.

    One that was denied longer before than a slot lasts was given up by then; of one that was allowed before,
    the slot had ended. What is not remembered any more is in doubt.
    """
    asked = StreamId.parse(slot.request)
    answers = [one for one in state.workers[slot.worker].answers.values() if one[1].symbol == slot.symbol]
    denied = [StreamId.parse(first) for first, answer in answers if isinstance(answer, EntryDenied)]
    known = any(first == slot.request for first, _ in answers)
    return known and all(one.ms < asked.ms - slot.lasts_ms for one in denied)


def renew(state: State, at: StreamId, event: EntryRenewed) -> list[Decision]:
    """Renews the worker's slot in the symbol: from now it lasts as long again as it was granted for.

    Limits changed since do not shorten that, so the worker knows the new end without an answer. Only its
    present session may, and not once the slot's time is over, as it is when a flatten takes it back.
    """
    own = ((key, state.reservations[key]) for key in _reserved_by(state, event))
    keys = [key for key, one in own if not one.kept and at.ms < one.expires_ms]
    if state.workers[event.worker].session != event.session or not keys:
        reason = f"EntryRenewed: session {event.session} of {event.worker} has no slot in {event.symbol}"
        return [EventRejected(reason=reason, rejected="EntryRenewed")]
    for key in keys:
        reservation = state.reservations[key]
        lasts_ms = reservation.lasts_ms or (state.limits.reservation_ms if state.limits else 0)
        reservation.expires_ms = max(reservation.expires_ms, at.ms + lasts_ms)
    return []


def _reserved_by(state: State, event: EntryWithdrawn | EntryRenewed) -> list[str]:
    return [
        key
        for key, reservation in state.reservations.items()
        if reservation.worker == event.worker and reservation.symbol == event.symbol
    ]


def expire(state: State, key: str, reason: str) -> EntryExpired:
    """Frees the reservation `key`."""
    reservation = state.reservations.pop(key)
    return EntryExpired(
        worker=reservation.worker,
        symbol=reservation.symbol,
        side=reservation.side,
        size=reservation.size,
        request=reservation.request,
        reason=reason[:SENTENCE],
    )
