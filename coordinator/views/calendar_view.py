"""The market's calendar as a status has it: the sessions ahead, what is open of the windows, and the next.

Pure, and of bounded size: of all sessions that were published it has those of the next days.
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from portfold.coordinator.fold.windows.calendar import Calendar, NextWindow, OpenWindow
from portfold.events.calendar import Session, sessions_text
from portfold.exchange_time import utc_clock, zoned_clock

_SHOWN = 8


class ShownCalendar(Struct, frozen=True):
    """What is known up to the day `last`, of the `sessions` those that were not over; empty for nothing.

    `open` are the windows that are open, `ahead` is the one that begins next.
    """

    last: str = ""
    source: str = ""
    sessions: tuple[Session, ...] = ()
    open: tuple[OpenWindow, ...] = ()
    ahead: NextWindow | None = None

    def denies(self, symbol: str) -> bool:
        """Returns whether a window denies the entries in the symbol."""
        return any(not one.symbols or symbol in one.symbols for one in self.open)

    @property
    def denies_all(self) -> bool:
        """Returns whether a window denies every entry."""
        return any(not one.symbols for one in self.open)

    def closed_until(self, now_ms: int) -> int | None:
        """Returns when the exchange opens, where it is closed now and that is known."""
        if any(one.opens_ms <= now_ms < one.closes_ms for one in self.sessions):
            return None
        return next((one.opens_ms for one in self.sessions if one.opens_ms > now_ms), None)


def shown_calendar(calendar: Calendar, ms: int) -> ShownCalendar:
    """Returns the calendar as it stands at `ms`."""
    ahead = [one for one in calendar.sessions if one.closes_ms > ms]
    return ShownCalendar(
        last=calendar.last,
        source=calendar.source,
        sessions=tuple(ahead[:_SHOWN]),
        open=tuple(replace(one) for one in calendar.open.values()),
        ahead=calendar.ahead,
    )


def calendar_in_words(calendar: ShownCalendar | None) -> dict[str, str]:
    """Returns the fields for people; times in UTC, as nothing here says whose clocks they are."""
    known = calendar if calendar is not None else ShownCalendar()
    windows = (f"{one.window}{_of(one)} until {utc_clock(one.until_ms)}" for one in known.open)
    ahead = known.ahead
    return {
        "windows_open": "; ".join(windows),
        "next_window": f"{ahead.window} from {utc_clock(ahead.begins_ms)}" if ahead is not None else "",
        "sessions": sessions_text(known.sessions[:2]),
        "sessions_until": known.last,
    }


def open_in_words(windows: Iterable[OpenWindow], zone: ZoneInfo) -> str:
    """Words the windows that are open: what follows, in what, and until when."""
    return "; ".join(_open_in_words(one, zone) for one in windows)


def _open_in_words(one: OpenWindow, zone: ZoneInfo) -> str:
    follows = "all is closed, no entries" if one.action == "flatten" else "no entries"
    return f"{one.window}: {follows}{_of(one)} until {zoned_clock(one.until_ms, zone)}"


def _of(one: OpenWindow) -> str:
    return f" in {', '.join(one.symbols)}" if one.symbols else ""
