"""Entries: may this be opened? Allowing reserves the slot, so two requests can never share one.

Each rule is one function that says why not, or nothing. The first that objects is the answer.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from portfold.coordinator.fold.invariants import check_grant
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import (
    Position,
    Reservation,
    State,
    contracts_used,
    how_it_went,
    leg_key,
    open_symbols,
    slots_used,
)
from portfold.dollars import shown
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, EntryExpired, EventRejected
from portfold.events.incoming import EntryRenewed, EntryRequested, EntryWithdrawn
from portfold.events.stream_id import StreamId

SENTENCE = 500
"""The longest text a decision carries."""


_Held = TypeVar("_Held", Position, Reservation)


class Denial(NamedTuple):
    """Why an entry is denied: a code for machines and a sentence for people."""

    code: str
    reason: str


def answer(state: State, at: StreamId, request: EntryRequested) -> EntryAllowed | EntryDenied:
    """Allows the entry and reserves its slot, or says why not."""
    state.stats.total_entries_requested += 1
    state.day.entries_requested += 1
    limits = state.limits
    denial = NO_LIMITS if limits is None else why_not(state, limits, request)
    if limits is None or denial is not None:
        return _deny(state, request, denial or NO_LIMITS)
    return allow(state, limits, at, request)


def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """The first rule that objects to the entry, if any does."""
    for rule in RULES:
        denial = rule(state, limits, request)
        if denial is not None:
            return denial
    return None


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
    )
    check_grant(state, limits)
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


# --- the rules, in the order they are asked -------------------------------------------------------------

NO_LIMITS = Denial("halted", "No limits are in force yet")


def _stopped_out(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if state.stop is None:
        return None
    return Denial(
        "stopped_out",
        f"Stopped out: daily P&L {shown(state.stop.daily_pnl)} on {state.stop.day} reached the limit "
        f"{shown(-limits.daily_stop_loss)}",
    )


def _halted(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if state.halt is None:
        return None
    return Denial("halted", f"Halted by {state.halt.by}: {state.halt.reason}")


def _log_incomplete(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    missing = state.tail_missing
    if missing is None:
        return None
    return Denial(
        "log_incomplete",
        f"The log lost its end: {missing.worker} saw event {missing.saw}, which is gone. Check what is open, "
        "then: portfold acknowledge",
    )


def _worker_superseded(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    worker = state.workers[request.worker]
    if worker.session == request.session:
        return None
    return Denial(
        "worker_superseded", f"Session {request.session} of {request.worker} was replaced by {worker.session}"
    )


def _worker_stopped(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if state.workers[request.worker].presence != "stopped":
        return None
    return Denial("worker_stopped", f"Worker {request.worker} stopped; it has to start again first")


def _worker_lost(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if state.workers[request.worker].presence == "retired":
        return Denial("worker_lost", f"Worker {request.worker} was retired; it has to announce itself again")
    for name in state.lost:
        if name == request.worker or request.symbol in state.workers[name].symbols:
            other = name != request.worker and state.fold_version >= 5
            way_out = f": start it again, or portfold retire {name}" if other else ""
            return Denial("worker_lost", f"Worker {name}, which trades {request.symbol}, is lost{way_out}")
    return None


def _symbol_not_allowed(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if request.symbol in limits.symbols:
        return None
    return Denial(
        "symbol_not_allowed", f"{request.symbol} is not in the portfolio: {', '.join(limits.symbols)}"
    )


def _symbol_unsettled(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    for found in state.unsettled.values():
        if found.symbol == request.symbol:
            return Denial(
                "symbol_unsettled",
                f"{found.symbol} of {found.worker} is unsettled: {found.kind} since {found.since}",
            )
    return None


def _symbol_in_position(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    held = _first_of(state.positions, request.symbol)
    if held is None:
        return None
    return Denial(
        "symbol_in_position",
        f"{held.symbol} is already in a position: {held.side} {held.size} by {held.worker}",
    )


def _symbol_pending(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    pending = _first_of(state.reservations, request.symbol)
    if pending is None:
        return None
    if pending.kept:
        went = how_it_went(state, pending.worker)
        return Denial(
            "symbol_pending",
            f"{pending.symbol} is kept for {pending.worker}, which {went} and may have filled it "
            "unreported: start it again, or portfold settle",
        )
    return Denial("symbol_pending", f"{pending.symbol} is already reserved by {pending.worker}")


def _max_positions(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    if slots_used(state) < limits.max_positions:
        return None
    return Denial("max_positions", f"Max positions ({limits.max_positions}) reached. {_occupied(state)}")


def _max_contracts(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    used = contracts_used(state)
    if used + request.size <= limits.max_contracts:
        return None
    return Denial(
        "max_contracts",
        f"Max contracts ({limits.max_contracts}) reached: {used} used, {request.size} more asked. "
        f"{_occupied(state)}",
    )


RULES: tuple[Callable[[State, Limits, EntryRequested], Denial | None], ...] = (
    _stopped_out,
    _halted,
    _log_incomplete,
    _worker_superseded,
    _worker_stopped,
    _worker_lost,
    _symbol_not_allowed,
    _symbol_unsettled,
    _symbol_in_position,
    _symbol_pending,
    _max_positions,
    _max_contracts,
)


def _first_of(held: Mapping[str, _Held], symbol: str) -> _Held | None:
    for one in held.values():
        if one.symbol == symbol:
            return one
    return None


def _occupied(state: State) -> str:
    held = open_symbols(state)
    parts = [f"Open: {', '.join(held)}"] if held else []
    if state.reservations:
        parts += _symbols_of("Reserved", state, held, kept=False)
        parts += _symbols_of("Kept, may be filled unreported", state, held, kept=True)
    return " | ".join(parts)


def _symbols_of(title: str, state: State, held: list[str], *, kept: bool) -> list[str]:
    symbols = sorted(
        {
            reservation.symbol for reservation in state.reservations.values() if reservation.kept == kept
        }.difference(held)
    )
    return [f"{title}: {', '.join(symbols)}"] if symbols else []


# --- the end of a reservation ---------------------------------------------------------------------------


def withdraw(state: State, event: EntryWithdrawn) -> list[Decision]:
    """Gives back the worker's slot in the symbol. With none reserved, nothing changes.

    Only its present session may: a replaced process must not free what its successor was granted.
    """
    if state.workers[event.worker].session != event.session:
        return []
    for key in _reserved_by(state, event):
        del state.reservations[key]
    return []


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
