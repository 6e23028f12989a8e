"""What earlier versions of the fold knew of events: what came later they refused, in words of their own.

Pure. Guarantees: an entry that an earlier version refused is refused again while that version decides, in the
same sentence, whatever the vocabulary has learned since.
"""

from typing import get_args

from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.incoming import (
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    LockoutOrdered,
    LossAcknowledged,
    Malformed,
    PositionMarked,
    StopMoved,
    TradingHalted,
    TradingResumed,
    WorkerRetired,
)
from portfold.events.scope import SCOPE_KINDS

_TYPES = tuple(kind.__name__ for kind in get_args(Event))
_KNOWN_SINCE: dict[type, int] = {
    EntryRenewed: 5,
    WorkerRetired: 5,
    AccountReported: 7,
    AccountSettled: 7,
    CashMoved: 8,
    SessionsPublished: 9,
    WindowsPublished: 9,
    StopMoved: 9,
    LockoutOrdered: 9,
}
"""The version that first knew an event, for those that came later."""
_FIELDS_SINCE: dict[type, dict[str, int]] = {
    CoordinatorStarted: {"keys": 10, "again": 10},
    PositionMarked: {"owner": 7, "moment_ms": 9},
    EntryWithdrawn: {"request": 9},
    LossAcknowledged: {"removed": 10},
    EntryRequested: dict.fromkeys(("stop_price", "price", "risk"), 9),
    TradingHalted: dict.fromkeys(SCOPE_KINDS, 9),
    TradingResumed: dict.fromkeys(SCOPE_KINDS, 9),
    FlattenRequested: dict.fromkeys(SCOPE_KINDS, 9),
}
"""The version that first knew a field of an event, for those that came later."""
_NEWEST = max(
    *_KNOWN_SINCE.values(), *(since for those in _FIELDS_SINCE.values() for since in those.values())
)


def as_known_to(version: int, event: Event | Malformed) -> Event | Malformed:
    """Returns the event as the version took it: what it did not know yet is none."""
    if version >= _NEWEST or (type(event) is CoordinatorStarted and event.fold >= _NEWEST):
        return event  # the latter says of which version it is itself
    if version < _KNOWN_SINCE.get(type(event), 0):
        return Malformed("", type(event).__name__)
    names = _later(type(event), version)
    strange = next((name for name in names if getattr(event, name)), "")
    return Malformed(_no_field(type(event), strange, names), type(event).__name__) if strange else event


def reason_given_by(version: int, event: Malformed) -> str:
    """Returns why the version refused it, in its words."""
    if version >= _NEWEST:
        return event.reason
    reason = event.reason
    for kind in _FIELDS_SINCE:
        names = _later(kind, version)
        if event.type != kind.__name__ or not names:
            continue
        later = next((name for name in names if reason.startswith(f"{event.type}.{name}: expected")), "")
        known = ", ".join(kind.__struct_fields__)  # type: ignore[attr-defined]
        reason = _no_field(kind, later, names) if later else reason.replace(known, _fields(kind, names))
    unknown = [kind.__name__ for kind, since in _KNOWN_SINCE.items() if version < since]
    if event.type in unknown:
        reason = f"type: expected one of {', '.join(_TYPES)}, got '{event.type}'"
    for name in unknown:
        reason = reason.replace(f"{name}, ", "", 1)  # from the list of the types
    return reason


def _later(kind: type, version: int) -> tuple[str, ...]:
    """Returns the fields of an event that the version did not know yet."""
    return tuple(name for name, since in _FIELDS_SINCE.get(kind, {}).items() if version < since)


def _no_field(kind: type, name: str, later: tuple[str, ...]) -> str:
    of = kind.__name__
    return f"{of}.{name}: not a field of {of}; its fields are {_fields(kind, later)}"


def _fields(kind: type, later: tuple[str, ...]) -> str:
    return ", ".join(name for name in kind.__struct_fields__ if name not in later)  # type: ignore[attr-defined]
