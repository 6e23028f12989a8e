"""Checks what must hold of every state; where it does not, the coordinator stops deciding.

No event, forged or garbage, can break an invariant: a broken one is a defect of ours, or of the machine.
Guarantees: pure, and of bounded cost, however long the log and however many workers. It walks the book, the
slots, the legs to flatten and the lost workers; of all other workers it looks only at the event's own.
"""

from collections.abc import Callable
from decimal import getcontext, setcontext
from functools import lru_cache

from portfold.bounds import MOST_WINDOWS
from portfold.coordinator.fold.closing.flatten import windows_that_flatten
from portfold.coordinator.fold.equity import reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.table import LATCHED, broken
from portfold.coordinator.fold.state import (
    ANSWERS_REMEMBERED,
    CLOSES_REMEMBERED,
    CONFIGS_REMEMBERED,
    DAYS_REMEMBERED,
    FILLS_OF_A_DAY,
    FILLS_REMEMBERED,
    POSITIONS_HELD,
    SESSIONS_REMEMBERED,
    UNSETTLED_HELD,
    WORKERS_REMEMBERED,
    State,
    daily_pnl,
    leg_key,
    slots_used,
)
from portfold.coordinator.fold.taken import contracts_counted
from portfold.dollars import EXACT
from portfold.events.calendar_fields import MOST_DATED, MOST_SESSIONS
from portfold.events.incoming import EntryRequested, Event, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId

SLOTS_RESERVED = 50
"""The largest `max_positions` there may be: each slot was granted within it, whatever the limits are now."""
_DIFFERING = POSITIONS_HELD + 32 + 1
"""Symbols of the log, of a report, and the equity."""
_WINDOWS_OPEN = MOST_WINDOWS + 2 * MOST_DATED
"""Of the week, published, and published before and not flat yet."""
CONTRACTS_RESERVED = 10_000
"""The largest `max_contracts`, likewise."""


class InvariantBroken(RuntimeError):
    """An invariant does not hold: a defect of ours, never of an event."""


def check_grant(state: State, limits: Limits, request: EntryRequested) -> None:
    """Checks after a grant that what is taken is within the limits. Raises InvariantBroken."""
    slots, contracts = slots_used(state), contracts_counted(state, limits)
    if slots > limits.max_positions:
        raise InvariantBroken(f"{slots} slots granted, limit {limits.max_positions}")
    if contracts > limits.max_contracts:
        raise InvariantBroken(f"{contracts} contracts granted, limit {limits.max_contracts}")
    for denial in broken(state, limits, request):
        raise InvariantBroken(f"granted beyond {denial.code}: {denial.reason}")


def check(state: State, at: StreamId, event: Event | Malformed) -> None:
    """Checks every invariant after `event`, the last that was folded. Raises InvariantBroken.

    The fold itself does not call it, as sweeps run that millions of times; every leader does. An event whose
    ID leaves no room for an answer was passed over: what falls due by its time does with the next one.
    """
    if not at.answerable:
        return
    callers_arithmetic = getcontext()
    setcontext(EXACT)
    try:
        for invariant, violation in INVARIANTS.items():
            figures = violation(state, at, event)
            if figures:
                kind = type(event).__name__
                raise InvariantBroken(f"{invariant}. It is not so after event {at}, {kind}: {figures}")
    finally:
        setcontext(callers_arithmetic)


# --- each returns what is wrong, or nothing ---------------------------------------------------------------


def _unanswered(state: State, at: StreamId, event: Event | Malformed) -> str:
    """A request is answered or counted only once: a repeat gets its first answer again."""
    stats, day = state.stats, state.day
    asked, allowed, denied = (
        stats.total_entries_requested,
        stats.total_entries_allowed,
        stats.total_entries_blocked,
    )
    if asked != allowed + denied:
        return f"{asked} were asked for, {allowed} allowed, {denied} denied"
    asked, allowed, denied = day.entries_requested, day.entries_allowed, day.entries_blocked
    if asked != allowed + denied:
        return f"of {day.date} {asked} were asked for, {allowed} allowed, {denied} denied"
    return ""


def _misfiled_position(state: State, at: StreamId, event: Event | Malformed) -> str:
    for key, held in state.positions.items():
        if not held.worker or key != leg_key(held.symbol, held.side, held.worker):
            return f"under {key} lies {held.symbol} {held.side} of '{held.worker}'"
        if held.size < 1 or held.opened_ms > at.ms:
            return f"{key} is of {held.size} contracts, opened at {held.opened_ms}"
    return ""


def _misfiled_slot(state: State, at: StreamId, event: Event | Malformed) -> str:
    for key, slot in state.reservations.items():
        if not slot.worker or key != leg_key(slot.symbol, slot.side, slot.worker):
            return f"under {key} lies a slot for {slot.symbol} {slot.side} of '{slot.worker}'"
        if slot.size < 1 or not _was_by(slot.request, at):
            return f"the slot {key} is of {slot.size} contracts, asked for by event {slot.request}"
    return ""


def _was_by(name: str, at: StreamId) -> bool:
    try:
        return _parsed(name) <= at
    except ValueError:
        return False


_parsed = lru_cache(maxsize=2 * SLOTS_RESERVED)(StreamId.parse)  # the same few after every event


def _too_many_slots(state: State, at: StreamId, event: Event | Malformed) -> str:
    """Grants stay within the limits. Facts may break them (a breach), and limits may be lowered later."""
    slots, contracts = (
        len(state.reservations),
        sum(reservation.size for reservation in state.reservations.values()),
    )
    if slots > SLOTS_RESERVED or contracts > CONTRACTS_RESERVED:
        return f"{slots} slots are reserved for {contracts} contracts"
    return ""


def _unheld(state: State, at: StreamId, event: Event | Malformed) -> str:
    if state.flatten is None:
        return ""
    gone = [key for key in state.flatten.left if key not in state.positions]
    return f"{gone[0]} is left to close, and not among {len(state.positions)} positions" if gone else ""


def _unknown_lost(state: State, at: StreamId, event: Event | Malformed) -> str:
    unknown = [name for name in state.lost if name not in state.workers]
    return f"{unknown[0]} is lost, and none of {len(state.workers)} workers" if unknown else ""


def _not_a_sum(state: State, at: StreamId, event: Event | Malformed) -> str:
    """Every amount is a number, and the stop was checked after whatever moved money."""
    amounts = {"realized": state.day.realized, "not counted by the stop": state.day.stop_from}
    if not (state.day.realized.is_finite() and state.day.stop_from.is_finite()):
        return ", ".join(f"{amount} {name}" for name, amount in amounts.items())
    for key, held in state.positions.items():
        if not (held.unrealized.is_finite() and held.carried.is_finite()):
            return f"{key} has {held.unrealized} unrealized, {held.carried} of it carried"
    return ""


def _unlatched(state: State, at: StreamId, event: Event | Malformed) -> str:
    limits = state.limits
    if limits is None or state.stop is not None:
        return ""
    pnl = daily_pnl(state)
    if state.day.stop_from - pnl < limits.daily_stop_loss:
        return ""
    since = f", counted from {state.day.stop_from}" if state.day.stop_from else ""
    return f"daily P&L {pnl}, limit {-limits.daily_stop_loss}{since}, and no stop"


def _not_latched(state: State, at: StreamId, event: Event | Malformed) -> str:
    limits = state.limits
    if limits is None or not limits.chosen:
        return ""
    money = reckoned(state)
    for rule in LATCHED:
        if rule.code in state.locks or rule.code in state.day.lifted or rule.is_reached is None:
            continue
        reached = rule.is_reached(state, limits, money)
        if reached is not None:
            return f"{rule.code}: {reached}"
    return ""


def _usable(state: State, at: StreamId, event: Event | Malformed) -> str:
    """While all is closed, every slot is kept or over; one that was taken back was over with that."""
    windows = windows_that_flatten(state)
    stopped = f"stopped since {state.stop.since}" if state.stop is not None else ""
    if not windows and not stopped:
        return ""
    for key, slot in state.reservations.items():
        if slot.kept or slot.expires_ms <= at.ms:
            continue
        covering = (one.window for one in windows if not one.symbols or slot.symbol in one.symbols)
        window = next(covering, "")
        closing = stopped or (f"window {window}" if window else "")
        if closing:
            return f"{key} is reserved until {slot.expires_ms}, {closing}"
    return ""


def _missed_window(state: State, at: StreamId, event: Event | Malformed) -> str:
    """Whatever has begun by now is open, and whatever is over is closed, unless it waits for a flat book."""
    calendar = state.calendar
    if calendar is None or state.limits is None or calendar.turns_ms > at.ms or state.again:
        return ""
    return f"the next edge of a window was at {calendar.turns_ms}"


def _out_of_bounds(state: State, at: StreamId, event: Event | Malformed) -> str:
    for what, count, most in (
        ("positions", len(state.positions), POSITIONS_HELD),
        ("differences to brokers", len(state.unsettled), UNSETTLED_HELD),
        ("workers", len(state.workers), WORKERS_REMEMBERED),
        ("closes of a day", len(state.day.closed), CLOSES_REMEMBERED),
        ("fills", len(state.fills), FILLS_REMEMBERED),
        ("configurations", len(state.configs), CONFIGS_REMEMBERED),
        ("days that are over", len(state.past), DAYS_REMEMBERED),
        ("limits that are latched", len(state.locks), len(LATCHED)),
        ("sessions ahead", len(state.calendar.sessions) if state.calendar else 0, MOST_SESSIONS),
        ("windows that are open", len(state.calendar.open) if state.calendar else 0, _WINDOWS_OPEN),
        ("differences to the account", len(state.account.differences) if state.account else 0, _DIFFERING),
    ):
        if count > most:
            return f"{count} {what}, at most {most}"
    worker = state.workers.get(event.worker) if isinstance(event, WorkerEvent) else None
    if worker is None:
        return ""
    for what, count, most in (
        ("sessions", len(worker.seqs), SESSIONS_REMEMBERED),
        ("last words", len(worker.said), SESSIONS_REMEMBERED),
        ("answers", len(worker.answers), ANSWERS_REMEMBERED),
        ("fills", len(worker.fills), FILLS_OF_A_DAY),
        ("openings", len(worker.openings), FILLS_OF_A_DAY),
    ):
        if count > most:
            return f"{count} {what} of one worker, at most {most}"
    return ""


INVARIANTS: dict[str, Callable[[State, StreamId, Event | Malformed], str]] = {
    "Every entry asked for is allowed or denied": _unanswered,
    "Every position lies under its owner's name, and was opened by now": _misfiled_position,
    "Every slot lies under its owner's name, and was asked for by now": _misfiled_slot,
    "Slots are granted within limits": _too_many_slots,
    "What is to be closed is a position": _unheld,
    "Who is lost is known": _unknown_lost,
    "The day's P&L is a sum of amounts": _not_a_sum,
    "A loss at the limit latches the stop": _unlatched,
    "Any other limit that is reached is latched": _not_latched,
    "While the stop is latched or a window flattens nobody may use a slot there": _usable,
    "Every window that has begun is open or over": _missed_window,
    "All that is remembered has a bound": _out_of_bounds,
}
"""Each by its name: what must hold. `_not_a_sum` comes before what adds up."""
