"""The exchange's sessions in what is simulated, published as an operator does live: no fold asks a library.

They are published before anything is traded, and again while they last, as one event has 400 of them at most
and takes the place of the one before. Guarantees: at every moment of a simulation those of the last twelve
days and of the next month are published, which is further than a window looks either way.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.events.calendar import Session, SessionsPublished, sessions_text
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.exchange_time import milliseconds_of, utc
from portfold.weekly_windows import windows_of

BEFORE = timedelta(days=12)
"""How long before the first moment sessions have to be known, and after the last."""
_AT_ONCE = timedelta(days=500)
_AGAIN_AFTER = timedelta(days=460)

Publication = tuple[StreamId, SessionsPublished]


class KnownSessions(Struct, frozen=True):
    """The sessions of all days from `first` to `last`, and their `source`; a day that has none has no
    session.
    """

    first: date
    last: date
    source: str
    sessions: tuple[Session, ...]


def window_of_a_session(limits: LimitsChanged) -> str:
    """Returns the first window that is told by the session, as it is written; empty where there is none."""
    return next((window.text for window in windows_of(limits.windows) if window.needs_sessions), "")


def publications(known: KnownSessions, opening: StreamId, last_ms: int) -> Iterator[Publication]:
    """Yields what is published, and when: with the opening, and as often as it takes until `last_ms`."""
    at, today = StreamId(opening.ms, opening.seq + 1), utc(opening.ms).date()
    while True:
        yield at, _from(known, today - BEFORE, today + _AT_ONCE)
        today += _AGAIN_AFTER
        at = StreamId(milliseconds_of(datetime(today.year, today.month, today.day, tzinfo=UTC)), 1)
        if at.ms > last_ms:
            return


def days_with(
    known: KnownSessions, days: tuple[str, ...], last_ms: int, limits: LimitsChanged
) -> tuple[str, ...]:
    """Returns the days, and the one that has the last moment, where that is told by the next session."""
    span = (known.last - known.first).days
    every = ((known.first + timedelta(number)).isoformat() for number in range(span))
    closed = frozenset(every) - {one.date for one in known.sessions}
    last = trading_day_at(last_ms, limits.zone, limits.roll, closed).date
    return days if last in days else (*days, last)


def _from(known: KnownSessions, first: date, last: date) -> SessionsPublished:
    first, last = max(first, known.first), min(last, known.last)
    some = tuple(one for one in known.sessions if first.isoformat() <= one.date <= last.isoformat())
    return SessionsPublished(
        by="simulation",
        reason="simulation",
        source=known.source,
        first=first.isoformat(),
        last=last.isoformat(),
        sessions=sessions_text(some),
    )
