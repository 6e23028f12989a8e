"""Pauses that end by themselves: entries are denied until a time, of all, of a worker or of a symbol.

Guarantees: half open, so at the very time that it names an entry is allowed again; nothing but that time, or
a person, ends one, and a pause never opens what a person has closed.
"""

from portfold.coordinator.fold.closing import scoped
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Lock
from portfold.coordinator.fold.rules.rule import Denial
from portfold.coordinator.fold.scopes import SCOPES_HELD
from portfold.coordinator.fold.state import Halt, State
from portfold.events.incoming import COORDINATOR, EntryRequested
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId


def end(state: State, at: StreamId) -> None:
    """Ends each pause whose time has come; called as time passes."""
    for name, closed in list(state.scopes.items()):
        if closed.until_ms and at.ms >= closed.until_ms:
            del state.scopes[name]
    for rule, lock in list(state.locks.items()):
        if lock.until_ms and at.ms >= lock.until_ms:
            del state.locks[rule]


def ends(state: State) -> list[int]:
    """Returns when each pause ends, in milliseconds."""
    scopes = [closed.until_ms for closed in state.scopes.values() if closed.until_ms]
    return scopes + [lock.until_ms for lock in state.locks.values() if lock.until_ms]


def by_its_scope(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects to nothing: what such a rule has paused is a scope that is closed, and that objects."""
    return None


def pause_all(state: State, at: StreamId, rule: str, reason: str, until_ms: int) -> None:
    """Denies every entry until then; with 0 until a resume, which no later pause shortens."""
    before = state.locks.get(rule)
    if before is not None and not before.until_ms:
        return
    until_ms = max(until_ms, before.until_ms) if before is not None and until_ms else until_ms
    state.locks[rule] = Lock(rule, "deny", str(at), "", reason, until_ms=until_ms)


def pause(state: State, at: StreamId, scope: Scope, reason: str, until_ms: int) -> None:
    """Denies entries in the scope until then, or until a person opens it; all where no more can be closed."""
    if scoped.has_room(state, scope):
        scoped.close_scope(state, at, scope, by=COORDINATOR, reason=reason, until_ms=until_ms)
    elif state.halt is None:
        full = f"{SCOPES_HELD} scopes are closed, and {scope} was to be: {reason}"
        state.halt = Halt(by=COORDINATOR, reason=full, since=str(at))
