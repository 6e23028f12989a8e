"""Which days have no session, as far as that was published."""

from datetime import date, timedelta
from functools import lru_cache

from portfold.coordinator.fold.windows.calendar import Calendar
from portfold.events.calendar import Session


def without_session(calendar: Calendar | None) -> frozenset[str]:
    """Returns the days from the first that is known to the last on which the exchange holds none."""
    if calendar is None or not calendar.sessions:
        return frozenset()
    return _without(calendar.first, calendar.last, calendar.sessions)


@lru_cache(maxsize=4)
def _without(first: str, last: str, sessions: tuple[Session, ...]) -> frozenset[str]:
    begins = date.fromisoformat(first)
    days = range((date.fromisoformat(last) - begins).days + 1)
    with_one = {one.date for one in sessions}
    every = ((begins + timedelta(days=day)).isoformat() for day in days)
    return frozenset(day for day in every if day not in with_one)
