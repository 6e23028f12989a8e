"""The sessions of the exchange for what is simulated, from the library that `portfold calendar publish` asks.

They are needed where a window is told by the open or the close. Guarantees: nothing is simulated with such a
window and without sessions of all its days, which would deny every entry; a sentence says what is missing.
"""

from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portfold.events.calendar import Session
    from portfold.events.limits_changed import LimitsChanged
    from portfold.research.simulate.sessions import KnownSessions


def known_sessions(
    limits: "LimitsChanged", moments: tuple[int, int], calendar: str | None, correct: str
) -> "KnownSessions | None":
    """Returns the sessions of all days between the first and the last moment, in ms of the log.

    None where no window needs them and no `calendar` is named. Raises Unusable.
    """
    from portfold.cli.operate.calendar.calendar_command import USUAL
    from portfold.cli.operate.calendar.exchange_sessions import corrected, sessions_from_library
    from portfold.exchange_time import local_time
    from portfold.research.simulate.sessions import BEFORE, KnownSessions, window_of_a_session

    window = window_of_a_session(limits)
    if calendar is None and not window:
        if correct:
            raise Unusable("--correct: expected --calendar with it, as no window needs a session.")
        return None
    zone = ZoneInfo(limits.zone)
    first, last = (local_time(ms, zone).date() for ms in moments)
    first, last = first - BEFORE, last + BEFORE
    try:
        found, source = sessions_from_library(calendar or USUAL, first, last)
    except Unusable as missing:
        raise Unusable(f"{_why(window)}{missing}") from missing
    found = corrected(found, correct, zone)
    _check_whole(found, first, last, f"{_why(window)}{calendar or USUAL}")
    return KnownSessions(first, last, f"{source}, corrected: {correct}" if correct else source, found)


def _why(window: str) -> str:
    return f"The window {window} is told by the session. " if window else ""


def _check_whole(found: "Sequence[Session]", first: date, last: date, whose: str) -> None:
    """Raises Unusable where ten days and more have no session: then the library does not know them."""
    from itertools import pairwise

    from portfold.events.calendar import LONGEST_CLOSED

    days = [first, *(date.fromisoformat(one.date) for one in found), last]
    for before, after in pairwise(days):
        if after - before > LONGEST_CLOSED:
            raise Unusable(
                f"{whose}: expected sessions from {first} to {last}, got none between {before} and {after}. "
                "--from and --to leave days out; windows by the clock need no session."
            )
