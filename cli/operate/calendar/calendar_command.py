"""`portfold calendar publish`, `news` and `show`: what the log is told of the market's calendar."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure, Unusable
from portfold.cli.operate.orders import Who, Why
from portfold.cli.operate.own_name import USER
from portfold.cli.ordering import print_outcome, put
from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.coordinator.fold.limits import Limits
    from portfold.events.wire.bus import Bus

_TARGET = Target()
_YEAR = 366
USUAL = "CME Globex Equity"
"""The library's calendar that is asked where none is named."""


def register(app: App) -> None:
    """Adds the commands."""
    calendar = App(name="calendar", help="Sessions of the exchange and windows around news, on the log.")
    for command in (publish, news, show):
        calendar.command(command)
    app.command(calendar)


def publish(
    *,
    by: Who = USER,
    reason: Why,
    calendar: str = USUAL,
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=500))] = _YEAR,
    correct: str = "",
    target: Target = _TARGET,
) -> None:
    """Put the exchange's sessions, holidays and early closes on the log, from today on.

    For example:

        portfold calendar publish --by jane --reason "a year ahead"
        portfold calendar publish --by jo --reason law --correct 2025-01-09=08:30

    Parameters
    ----------
    calendar
        Which of the library.
    days
        How many days ahead.
    correct
        What the exchange has published otherwise, as "2025-01-09=08:30 2025-04-18=closed".
    """
    from portfold.cli.operate.calendar.exchange_sessions import corrected, sessions_from_library
    from portfold.events.calendar import SessionsPublished, sessions_text

    bus = target.bus()
    limits = _in_force(bus)
    first = date.fromisoformat(_today(bus)) - timedelta(days=1)
    last = first + timedelta(days=days)
    sessions, source = sessions_from_library(calendar, first, last)
    sessions = corrected(sessions, correct, ZoneInfo(limits.zone))
    source = f"{source}, corrected: {correct}" if correct else source
    event = SessionsPublished(
        by, reason, source, first.isoformat(), last.isoformat(), sessions_text(sessions)
    )
    print_outcome(bus, put(bus, event), f"{len(sessions)} sessions are published.")


def news(file: Path, /, *, by: Who = USER, reason: Why, target: Target = _TARGET) -> None:
    """Put windows around news on the log, in place of those before.

    For example:

        portfold calendar news NEWS.csv --by jane --reason "this week"

    Parameters
    ----------
    file
        A CSV of date, time, name, minutes_before, minutes_after, action and symbols, in exchange time;
        symbols, and groups by their names, are separated by blanks, and none is all.
    """
    from portfold.cli.operate.calendar.news_file import news_windows
    from portfold.events.calendar import WindowsPublished

    bus = target.bus()
    windows = news_windows(file, _in_force(bus))
    event = WindowsPublished(by, reason, file.name, windows)
    print_outcome(bus, put(bus, event), f"{len(windows.split())} windows are published.")


def show(*, target: Target = _TARGET) -> None:
    """Show the next sessions, the windows that are open, and the next one.

    For example:

        portfold calendar show
    """
    from portfold.coordinator.views.calendar_view import calendar_in_words
    from portfold.coordinator.views.view_field import view_in

    bus = target.bus()
    view = view_in(bus.status())
    bus.close()
    if view is None or view.calendar is None:
        raise Failure("No sessions and no windows are known. See: portfold calendar --help")
    for name, text in calendar_in_words(view.calendar).items():
        print(f"{name.replace('_', ' ')}: {text or 'none'}")


def _in_force(bus: "Bus") -> "Limits":
    from portfold.coordinator.views.view_field import view_in

    view = view_in(bus.status())
    if view is None or view.limits is None:
        raise Unusable("No limits are in force yet, which say whose clocks count: start a coordinator first")
    return view.limits


def _today(bus: "Bus") -> str:
    from portfold.coordinator.views.view_field import view_in

    view = view_in(bus.status())
    return view.day.date if view is not None else ""
