"""What follows from time alone: reservations expire, reminders fall due, the trading day rolls.

Every event brings the time in its ID, so this runs before each event is folded. When nothing
happens, the leader writes a ClockTicked at the next deadline.
"""

from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.effects import account, capital, marks, moments, ordered_limits
from portfold.coordinator.fold.effects.entry import expire
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Day, PastDay
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.exposure import contracts_ladder
from portfold.coordinator.fold.rules.limits import week
from portfold.coordinator.fold.rules.pace import cooldowns
from portfold.coordinator.fold.state import DAYS_REMEMBERED, Reservation, State, daily_pnl
from portfold.coordinator.fold.trading_day import TradingDay, trading_day_at
from portfold.coordinator.fold.windows import lockout, publishing
from portfold.coordinator.fold.windows.sessions import without_session
from portfold.coordinator.fold.windows.turning import next_turn, turn_if_due
from portfold.events.decisions import Decision, MarkStale, TradingDayStarted
from portfold.events.stream_id import StreamId

# An event has room for a hundred decisions. What does not fit is due with the next event; until then the slot
# stays taken, which is the safe side.
_EXPIRIES_AT_ONCE = 16
_STALE_AT_ONCE = 4
NOT_IN_TIME = "not filled in time"
TAKEN_BACK = "taken back by a flatten, and no fill of it was reported"
# From the moment at which a silence has lasted long enough to the leader's report that the worker is lost.
_LOOKS_MS = 2_000


def pass_time(state: State, at: StreamId, *, ticked: bool) -> list[Decision]:
    """Does everything that has fallen due up to and including `at`; `ticked`: a leader says that time passed.

    Where leaders report lost workers, a slot's time ends only by such an event: others, who may write while
    nobody leads, have watched no signs of life.
    """
    decisions: list[Decision] = []
    watched = ticked or not state.worker_lost_ms or state.fold_version < 6
    if state.reservations and watched:
        decisions += _expire(state, at)
    if state.capital is not None and state.capital.closes_ms:
        capital.close_firms_day(state, at)
    if state.day.date and at.ms >= state.day.ends_ms:
        decisions += roll(state, at)
    if state.scopes or state.locks:
        cooldowns.end(state, at)
    if state.calendar is not None:
        decisions += turn_if_due(state, state.calendar, at)
    if state.lockout is not None:
        decisions += lockout.end_if_over(state, at)
    if state.flatten is not None:
        decisions += flatten.remind(state, at)
    limits = state.limits
    if state.positions and limits is not None:
        if limits.mark_stale_ms:
            decisions += _stale(state, at, limits.mark_stale_ms)
        if limits.mark_jumps:
            decisions += marks.end_doubts(state, at)
        if limits.marks_together_seconds:
            decisions += moments.end_waiting(state, at)
    if state.account is not None:
        decisions += account.notice_silence(state, at)
    return decisions


def next_deadline(state: State) -> int | None:
    """Returns the earliest millisecond at which `pass_time` would decide something, if there is one."""
    due = [
        _free_from(state, reservation) for reservation in state.reservations.values() if not reservation.kept
    ]
    if state.day.date:
        due.append(state.day.ends_ms)
    if state.flatten is not None:
        due.append(state.flatten.next_reminder_ms)
    stale_ms = state.limits.mark_stale_ms if state.limits is not None else 0
    if stale_ms:
        due += [held.marked_ms + stale_ms for held in state.positions.values() if not held.mark_stale]
    if state.capital is not None and state.capital.closes_ms:
        due.append(state.capital.closes_ms)
    if state.calendar is not None and state.limits is not None:
        due.append(next_turn(state, state.calendar))
    due += cooldowns.ends(state)
    if state.lockout is not None:
        due.append(state.lockout.until_ms)
    due += marks.doubts_end(state)
    waiting_ms = moments.waiting_ends(state)
    if waiting_ms is not None:
        due.append(waiting_ms)
    silent_ms = account.silent_from(state)
    if silent_ms is not None:
        due.append(silent_ms)
    return min(due, default=None)


def open_first_day(state: State, at: StreamId) -> list[Decision]:
    """Begins the first trading day: the first limits on a log say what a trading day is."""
    if state.day.date or state.limits is None:
        return []
    today = trading_day_at(at.ms, state.limits.zone, state.limits.roll, without_session(state.calendar))
    started = _started(state, today)
    state.day.date, state.day.ends_ms = today.date, today.ends_ms
    return [started]


def _expire(state: State, at: StreamId) -> list[Decision]:
    slots = state.reservations.items()
    due = [key for key, one in slots if not one.kept and at.ms >= _free_from(state, one)]
    return [
        expire(state, key, TAKEN_BACK if state.reservations[key].revoked else NOT_IN_TIME)
        for key in due[:_EXPIRIES_AT_ONCE]
    ]


def _free_from(state: State, slot: Reservation) -> int:
    """Returns when an unused slot may go to another: once its worker is known to have been alive at its end.

    A worker that fell silent before may have died between a fill and its report: its slot is then kept. A new
    leader judges only by signs of life that it has waited for itself.
    """
    if not state.worker_lost_ms:
        return slot.expires_ms
    return max(slot.expires_ms, state.led_since_ms) + state.worker_lost_ms + _LOOKS_MS


def roll(state: State, at: StreamId) -> list[Decision]:
    """Closes the day's account and begins the next. An open position's loss so far stays with the old day."""
    if state.limits is None:
        return []
    today = trading_day_at(at.ms, state.limits.zone, state.limits.roll, without_session(state.calendar))
    if today.date <= state.day.date:  # the clock of the exchange was changed by new limits
        state.day.ends_ms = today.ends_ms
        return []
    counted = moments.count_together(state, at)  # what was made before the roll belongs to the old day
    started = _started(state, today)
    if state.capital is not None:
        contracts_ladder.note_at_roll(state, state.limits, state.capital)
    total = state.limits.stop_loss_on == "total"
    for held in state.positions.values():
        if total:
            held.carried, held.rolled = held.unrealized, None
        elif state.fold_version >= 4:
            held.rolled = held.unrealized
    # What the day came to was reckoned before what is open was carried over to the next one.
    state.past = [*state.past[1 - DAYS_REMEMBERED :], _over(state, started)]
    ended_ms, state.day = state.day.ends_ms, Day(date=today.date, ends_ms=today.ends_ms)
    state.day.week_before = week.made_before(state)
    if state.account is not None:
        account.roll(state, state.account, ended_ms)
    publishing.forget_what_is_over(state)
    loosened = ordered_limits.fall_due(state, at)
    if loosened:
        _end_by(state, at, state.limits)
    return [*counted, started, *loosened, *table.watch(state, at)]


def _over(state: State, started: TradingDayStarted) -> PastDay:
    return PastDay(state.day.date, started.daily_pnl, state.day.entered)


def _end_by(state: State, at: StreamId, limits: Limits) -> None:
    """Ends the day by the clock of the limits, where that knows it as the same day."""
    today = trading_day_at(at.ms, limits.zone, limits.roll, without_session(state.calendar))
    if today.date == state.day.date:
        state.day.ends_ms = today.ends_ms


def _started(state: State, today: TradingDay) -> TradingDayStarted:
    old = state.day
    return TradingDayStarted(
        day=today.date,
        previous_day=old.date,
        daily_pnl=daily_pnl(state),
        entries_requested=old.entries_requested,
        entries_allowed=old.entries_allowed,
        entries_blocked=old.entries_blocked,
        exits=old.exits,
        stops=old.stops,
        stopped_out=state.stop is not None,
        halted=state.halt is not None,
    )


def _stale(state: State, at: StreamId, stale_ms: int) -> list[Decision]:
    found: list[Decision] = []
    for held in state.positions.values():
        age_ms = at.ms - held.marked_ms
        if age_ms >= stale_ms and not held.mark_stale and len(found) < _STALE_AT_ONCE:
            held.mark_stale = True
            found.append(MarkStale(worker=held.worker, symbol=held.symbol, age_ms=age_ms))
    return found
