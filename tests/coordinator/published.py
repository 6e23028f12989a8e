"""What may be published of the calendar, and states of it that cannot be: for random logs and for plants."""

from decimal import Decimal

from portfold.coordinator.fold.state import State, Stop
from portfold.coordinator.fold.windows.calendar import Calendar, OpenWindow
from portfold.events.calendar import SessionsPublished, WindowsPublished

PUBLISHED = [
    SessionsPublished(
        *("ann", "", "by hand", "2025-01-15", "2025-01-20"),
        "2025-01-15=2025-01-14T23:00Z..2025-01-15T22:00Z 2025-01-17=2025-01-16T23:00Z..2025-01-17T18:00Z",
    ),
    WindowsPublished(
        *("ann", "", "news.csv"),
        "2025-01-15T16:05Z..2025-01-15T16:30Z=flatten#CPI 2025-01-15T16:00Z..2025-01-15T16:01Z=deny:ES",
    ),
    WindowsPublished("ann", "", "eia.csv", "2025-01-15T16:03Z..2025-01-15T16:20Z=flatten:ES,CL#EIA"),
    WindowsPublished("ann", "", "by hand"),
]
"""Around the day on which stories begin: one day has no session, one closes early."""


def a_window_closes_everything(state: State) -> None:
    """One that flattens is open, and takes no slot back."""
    one = OpenWindow("fri/close-10..close=flatten", "flatten", (), 0, 2**62)
    state.calendar = Calendar(open={one.window: one}, turns_ms=2**62)


def a_window_that_nobody_saw(state: State) -> None:
    """The next edge of a window lies behind."""
    state.calendar = Calendar(turns_ms=1_736_000_000_000)


def stopped_without_a_word(state: State) -> None:
    """The stop is latched, and takes no slot back."""
    state.stop = Stop(state.day.date, Decimal(-3000), "1-0")
