"""Limits that are ordered: what of them counts at once, and what has to wait for the next trading day.

Guarantees: what tightens counts at once, and so do the first limits of a log; what could allow more, not
before the next trading day, unless the order names a second person. A newer order replaces what waits.
"""

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.fold.effects import account, capital, marks
from portfold.coordinator.fold.limits import Limits, Loosening, limits_differing, limits_named, limits_of
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.tightness import at_once
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.coordinator.fold.windows import publishing
from portfold.coordinator.fold.windows.sessions import without_session
from portfold.events.decisions import Decision, LooseningEnded, LooseningWaits
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId

_LOOSENING_WAITS_SINCE = 9
_OF_PROFIT = ("profit_target", "profit_lock_at", "profit_lock_floor", "profit_lock_trail", "profit_from_now")
_OF_TIERS = ("loss_tiers", "daily_stop_loss")


def take(state: State, at: StreamId, event: LimitsChanged) -> list[Decision]:
    """Puts in force what counts at once of the order, and remembers the rest."""
    before, ordered = state.limits, limits_of(event)
    waits = before is not None and state.fold_version >= _LOOSENING_WAITS_SINCE
    if before is None or not waits or event.second:
        anew = not event.config and (not waits or bool(event.second))
        put_in_force(state, at, ordered, counts_anew=anew)
        return _replaced(state)
    now = at_once(before, ordered)
    if not limits_differing(before, now):
        now = before if limits_differing(now, ordered) else ordered  # nothing of it counts: by whom, neither
    decisions = _replaced(state)
    put_in_force(state, at, now, counts_anew=False)
    changes = limits_differing(now, ordered)
    if changes:
        decisions.append(_wait(state, at, ordered, _in_words(changes, now)))
    return decisions


def fall_due(state: State, at: StreamId) -> list[Decision]:
    """Puts in force what has waited, as its trading day has begun."""
    due = state.loosening
    if due is None or state.day.date < due.day:
        return []
    state.loosening = None
    put_in_force(state, at, due.limits, counts_anew=False)
    ended = LooseningEnded(by=due.limits.by, limits=due.changes, counts=True)
    return [ended, *publishing.look_anew(state, at), *marks.end_doubts(state, at)]


def put_in_force(state: State, at: StreamId, limits: Limits, *, counts_anew: bool) -> None:
    """Puts limits in force. `counts_anew`: profit may count from here although it was counted before."""
    before, state.limits = state.limits, limits
    account.watch_named(state, at, limits)
    capital.count_from(state, at, limits)
    _count_profit_from(state, before, limits, counts_anew=counts_anew)
    if before is None or any(getattr(before, name) != getattr(limits, name) for name in _OF_TIERS):
        state.day.tier = 0  # none of these was reached yet


def _count_profit_from(state: State, before: Limits | None, limits: Limits, *, counts_anew: bool) -> None:
    """Counts the day's profit from here on, where rules of profit are new and say so.

    Where one is in force already, what was made up to here goes on counting, unless it `counts_anew`.
    """
    new = before is None or any(getattr(before, name) != getattr(limits, name) for name in _OF_PROFIT)
    counted = before is not None and bool(before.profit_target or before.profit_lock_at)
    if limits.profit_from_now and new and (counts_anew or not counted):
        state.day.profit_from, state.day.best = daily_pnl(state), None


def _wait(state: State, at: StreamId, ordered: Limits, changes: str) -> LooseningWaits:
    limits = state.limits or ordered
    day = trading_day_at(state.day.ends_ms, limits.zone, limits.roll, without_session(state.calendar)).date
    state.loosening = Loosening(ordered, day, str(at), changes)
    return LooseningWaits(day=day, by=ordered.by, limits=changes)


def _replaced(state: State) -> list[Decision]:
    dropped, state.loosening = state.loosening, None
    if dropped is None:
        return []
    return [LooseningEnded(by=dropped.limits.by, limits=dropped.changes, counts=False)]


def _in_words(changes: dict[str, str], now: Limits) -> str:
    """Words what changes with its present value: `max_positions=5 (now 3)`."""
    here = limits_named(now)
    text = "; ".join(
        f"{name}={value or 'none'} (now {here[name] or 'none'})" for name, value in changes.items()
    )
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
