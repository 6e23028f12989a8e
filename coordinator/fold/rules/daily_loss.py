"""The day's loss: the stop at the limit, the warning before it, and when the latch lifts.

Daily P&L at or below minus the limit triggers the stop; the boundary counts. It latches for the trading day
and lifts only when a later one has begun and the book is flat.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules import flatten
from portfold.coordinator.fold.rules.unowned import take_unowned
from portfold.coordinator.fold.state import State, Stop, daily_pnl, legs_named
from portfold.events.decisions import Decision, StopLossApproaching, StopLossTriggered
from portfold.events.legs import Leg, legs_text
from portfold.events.stream_id import StreamId

_CAUSE = "daily stop loss"


def watch(state: State, at: StreamId) -> list[Decision]:
    """Lifts a stop that is over, warns, or triggers one; called after anything that moved money."""
    lift_if_over(state)
    limits = state.limits
    if limits is None or state.stop is not None:
        return []
    pnl = daily_pnl(state)
    lost = state.day.stop_from - pnl
    if lost >= limits.daily_stop_loss:
        return _trigger(state, limits, at)
    if not state.day.approached and is_near(lost, limits):
        state.day.approached = True
        limit, percent = limits.daily_stop_loss, limits.stop_approach_percent
        return [StopLossApproaching(daily_pnl=pnl, limit=limit, percent=percent)]
    return []


def is_near(lost: Decimal, limits: Limits) -> bool:
    """Returns whether so many dollars lost have reached the share of the limit at which to warn."""
    return lost * 100 >= limits.daily_stop_loss * limits.stop_approach_percent


def lift_if_over(state: State) -> None:
    """Lifts the latch on a later trading day than it fell on, once the book is flat."""
    if state.stop is not None and state.stop.day != state.day.date and _is_flat(state):
        state.stop = None


def _is_flat(state: State) -> bool:
    """Returns whether the book is, and no account has still to say so."""
    return not state.positions and (state.account is None or state.flatten is None)


def _trigger(state: State, limits: Limits, at: StreamId) -> list[Decision]:
    pnl = daily_pnl(state)
    state.stop = Stop(day=state.day.date, daily_pnl=pnl, since=str(at))
    state.day.stops += 1
    state.stats.stop_loss_triggers += 1
    pending = cancel_pending(state, at)
    taken = take_unowned(state, at)
    everything = list(state.positions)
    episode = flatten.begin(state, at, _CAUSE, everything)
    episode.cause = _CAUSE  # also of one that is under way for a lesser reason
    triggered = StopLossTriggered(
        daily_pnl=pnl,
        limit=limits.daily_stop_loss,
        open_positions=len(everything),
        episode=episode.episode,
        deadline_ms=episode.deadline_ms,
        positions=legs_named(state, everything),
        pending=pending,
    )
    return [*taken, triggered, *flatten.hand_over(state, everything), *flatten.finish(state, at)]


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
