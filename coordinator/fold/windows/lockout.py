"""A lockout: entries are denied until a moment on the log's clock, and nobody lifts it before that.

It exists for who wants to be kept from trading by a decision of a calmer hour. Guarantees: no resume, no
force, no second name, no limits, no new day and no restart ends it; it is made longer and never shorter; it
is over at its moment by itself, and said to be; and it lasts for no longer than a wrong number may cost.
Exits are not asked.
"""

from portfold.bounds import LONGEST_LOCKOUT_DAYS, LONGEST_TEXT
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.windows.locked_out import Lockout
from portfold.events.decisions import Decision, EventRejected, LockoutEnded
from portfold.events.incoming import LockoutOrdered
from portfold.events.stream_id import StreamId
from portfold.exchange_time import utc_clock

LONGEST_MS = LONGEST_LOCKOUT_DAYS * 86_400_000


def ordered(state: State, at: StreamId, event: LockoutOrdered) -> list[Decision]:
    """Locks out until the moment that is named, or refuses where that is none to lock out until."""
    why_not = _why_not(state, at, event.until_ms)
    if why_not:
        reason = f"LockoutOrdered: until_ms: {why_not}"
        return [EventRejected(reason=reason[:LONGEST_TEXT], rejected="LockoutOrdered")]
    state.lockout = Lockout(event.by, event.reason, str(at), event.until_ms)
    return []


def end_if_over(state: State, at: StreamId) -> list[Decision]:
    """Ends it at its moment, to the millisecond."""
    lockout = state.lockout
    if lockout is None or at.ms < lockout.until_ms:
        return []
    state.lockout = None
    return [LockoutEnded(by=lockout.by, until_ms=lockout.until_ms)]


def in_words(lockout: Lockout) -> str:
    """Says by whom, until when, and why."""
    until = utc_clock(lockout.until_ms)
    return f"Locked out by {lockout.by} until {until}, and nobody lifts it before: {lockout.reason}"


def _why_not(state: State, at: StreamId, until_ms: int) -> str:
    if until_ms <= at.ms:
        return f"expected a moment that is to come, got {utc_clock(until_ms)}"
    if until_ms > at.ms + LONGEST_MS:
        return f"expected at most {LONGEST_LOCKOUT_DAYS} days ahead, got {utc_clock(until_ms)}"
    if state.lockout is not None and until_ms <= state.lockout.until_ms:
        until = utc_clock(state.lockout.until_ms)
        return f"expected later than {until}, until when it is locked out already: never shorter"
    return ""
