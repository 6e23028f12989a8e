"""The market's calendar as events: which days have a session, and windows around the news.

Both come from outside the log, from a library or a person's file, and are written on it in full: a replay
needs neither. Times are in UTC, so that no change of a clock or a zone moves them; each list stands until the
next of its kind.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from portfold.events.calendar_fields import DatedWindows, Sessions
from portfold.events.fields import Code, Count, Date, Moment, Person, SymbolListOrNone, Text
from portfold.events.message import AnyDecision, AnyEvent
from portfold.exchange_time import milliseconds_of, utc

_SATURDAY = 5
_NONE = timedelta(0)
LONGEST_CLOSED = timedelta(days=10)
"""No exchange is closed for longer: where nothing is known of more days, they are not known."""
_TWO_DAYS_MS = 2 * 24 * 60 * 60 * 1000


class Session(Struct, frozen=True):
    """The trading session of a day: from `opens_ms`, often the evening before, to `closes_ms`, exclusive."""

    date: str
    opens_ms: int
    closes_ms: int


class DatedWindow(Struct, frozen=True):
    """A window of its own date, half open. With no `symbols` it is of all; `name` says what for."""

    text: str
    opens_ms: int
    closes_ms: int
    action: Literal["deny", "flatten"]
    symbols: tuple[str, ...]
    name: str


class SessionsPublished(AnyEvent, frozen=True):
    """The sessions of all days from `first` to `last`; a weekday among them that is not listed has none.

    `source` says where they come from. They replace those that were published before.
    """

    by: Person
    reason: Text
    source: Text
    first: Date
    last: Date
    sessions: Sessions

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError("last: expected a date that is not before first")
        found = sessions_of(self.sessions)
        for one in found:
            _refuse_unfit(self, one)
        if any(one.closes_ms > later.opens_ms for one, later in pairwise(found)):
            raise ValueError("sessions: expected one after another, and none that overlaps the next")
        dates = [date.fromisoformat(day) for day in (self.first, *(one.date for one in found), self.last)]
        if any(not _NONE <= later - day <= LONGEST_CLOSED for day, later in pairwise(dates)):
            raise ValueError("sessions: expected the dates in order, and no ten days without one")


class WindowsPublished(AnyEvent, frozen=True):
    """Windows of their own dates, as around news. They replace those that were published before."""

    by: Person
    reason: Text
    source: Text
    windows: DatedWindows = ""

    def __post_init__(self) -> None:
        found = dated_of(self.windows)
        if any(one.opens_ms >= one.closes_ms for one in found):
            raise ValueError("windows: expected each to end after it begins")
        if len({one.text for one in found}) != len(found):
            raise ValueError("windows: expected each once")


class WindowOpened(AnyDecision, frozen=True):
    """A window is open until `until_ms`: entries of its `symbols` are denied, of all where it names none.

    With `action` flatten all that is open in them is closed as well. `late_ms`: how long after its beginning,
    where nobody led, or nothing was on the log, in between.
    """

    window: Text
    action: Code
    until_ms: Moment
    late_ms: Count = 0
    symbols: SymbolListOrNone = ""


class WindowClosed(AnyDecision, frozen=True):
    """A window is over, or is none any more: entries are allowed again as far as it was concerned."""

    window: Text


def _refuse_unfit(published: SessionsPublished, one: Session) -> None:
    day = date.fromisoformat(one.date)
    if not published.first <= one.date <= published.last or day.weekday() >= _SATURDAY:
        raise ValueError("sessions: expected weekdays from first to last")
    midnight = milliseconds_of(datetime(day.year, day.month, day.day, tzinfo=UTC))
    if not midnight - 2 * _TWO_DAYS_MS <= one.opens_ms < one.closes_ms <= midnight + _TWO_DAYS_MS:
        raise ValueError("sessions: expected each to close after it opens, near its day")


@lru_cache(maxsize=4)
def sessions_of(text: str) -> tuple[Session, ...]:
    """Reads `2026-11-27=2026-11-26T23:00Z..2026-11-27T18:15Z …`."""
    return tuple(_session(word) for word in text.split(" ") if word)


def sessions_text(sessions: tuple[Session, ...]) -> str:
    """Writes sessions as `sessions_of` reads them."""
    return " ".join(
        f"{one.date}={moment_text(one.opens_ms)}..{moment_text(one.closes_ms)}" for one in sessions
    )


def _session(word: str) -> Session:
    day, _, edges = word.partition("=")
    opens, _, closes = edges.partition("..")
    return Session(day, _moment(opens), _moment(closes))


@lru_cache(maxsize=4)
def dated_of(text: str) -> tuple[DatedWindow, ...]:
    """Reads `2026-12-10T13:25Z..2026-12-10T13:40Z=deny:ES,NQ#CPI …`."""
    return tuple(_dated(word) for word in text.split(" ") if word)


def _dated(word: str) -> DatedWindow:
    when, _, what = word.partition("=")
    opens, _, closes = when.partition("..")
    follows, _, name = what.partition("#")
    action, _, symbols = follows.partition(":")
    return DatedWindow(
        text=word,
        opens_ms=_moment(opens),
        closes_ms=_moment(closes),
        action="flatten" if action == "flatten" else "deny",
        symbols=tuple(symbols.split(",")) if symbols else (),
        name=name,
    )


def moment_text(ms: int) -> str:
    """Writes a moment of the log, a whole minute, as the lists have it: `2026-11-27T18:15Z`."""
    return f"{utc(ms):%Y-%m-%dT%H:%MZ}"


def _moment(text: str) -> int:
    return milliseconds_of(datetime.fromisoformat(text))
