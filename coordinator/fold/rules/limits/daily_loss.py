"""The day's loss: the stop at the limit, the warning before it, and when the latch lifts.

Daily P&L at or below minus the limit triggers the stop; the boundary counts. It latches for the trading day
and lifts only when a later one has begun and the book is flat. While it is latched every entry is denied.
"""

from decimal import Decimal

from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.closing.pending import cancel_pending
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State, Stop, daily_pnl, legs_named
from portfold.dollars import ZERO, shown
from portfold.events.decisions import Decision, StopLossApproaching, StopLossTriggered
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId

_CODE = "stopped_out"
_CAUSE = "daily stop loss"


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while the stop is latched."""
    if state.stop is None:
        return None
    return Denial(
        _CODE,
        f"Stopped out: daily P&L {shown(state.stop.daily_pnl)} on {state.stop.day} reached the limit "
        f"{shown(-limits.daily_stop_loss)}",
    )


def watch(state: State, at: StreamId, limits: Limits, pnl: Decimal) -> list[Decision]:
    """Lifts a stop that is over, warns, or triggers one; called with the day's P&L after what moved money."""
    lift_if_over(state)
    if state.stop is not None and state.stop.closes:
        return []
    lost = state.day.stop_from - pnl
    if lost >= limits.daily_stop_loss:
        return _trigger(state, at, limits, pnl)
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
    if state.stop is not None and state.stop.day != state.day.date and flatten.is_flat(state):
        state.stop = None


def _trigger(state: State, at: StreamId, limits: Limits, pnl: Decimal) -> list[Decision]:
    state.stop = Stop(day=state.day.date, daily_pnl=pnl, since=str(at))
    pending = cancel_pending(state, at)
    if state.again:  # that was done, and counted, before
        return []
    state.day.stops += 1
    state.stats.stop_loss_triggers += 1
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


def closes_at(state: State, limits: Limits) -> Decimal:
    """Returns the day's P&L at which the stop is."""
    return state.day.stop_from - limits.daily_stop_loss


def read(state: State, limits: Limits) -> Reading:
    """Returns the day's P&L against the P&L at which the stop is."""
    pnl, stop_at = daily_pnl(state), closes_at(state, limits)
    what = "realized and open" if limits.stop_loss_on == "total" else "realized"
    counted = f", from the {shown(state.day.stop_from)} of a forced resume or a renewal"
    about = f"{what} P&L of the trading day{counted if state.day.stop_from else ''}"
    return Reading("dollars", stop_at, pnl, max(ZERO, pnl - stop_at), limits.daily_stop_loss, about)


RULE = Rule(_CODE, may_enter, ("daily_stop_loss", "stop_loss_on", "stop_approach_percent"), read=read)
