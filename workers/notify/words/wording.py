"""The words of alerts: what the notifier says of itself, and the time, which it adds to what a message says.

What a message says is in `coordinator/views/words`. The first line says it all by itself. Nothing here knows
of Discord: who sends a text escapes it. No wording of ours uses a character that would need it, so what
arrives reads as it stands here.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from portfold.coordinator.views.words.message_words import AlertWords
from portfold.exchange_time import local_time

Lines = tuple[str, ...]
When = Callable[[int], datetime]
"""The exchange's clock at a millisecond of the log."""


def clock_of(zone: str) -> When:
    """Returns the clock of a time zone."""
    exchange = ZoneInfo(zone)
    return lambda ms: local_time(ms, exchange)


def at_clock(when: datetime) -> str:
    """`14:23:45 CST`."""
    return f"{when:%H:%M:%S %Z}"


def time_line(when: datetime) -> str:
    """`Time: 2025-01-15T14:23:45 CST`."""
    return f"Time: {when:%Y-%m-%dT%H:%M:%S %Z}"


def timed(alert: AlertWords, when: datetime) -> Lines:
    """Returns the lines of an alert with the time: below what is critical and has several, else behind the
    first.
    """
    first, *more = alert.lines
    if more and alert.level == "critical":
        return (*alert.lines, time_line(when))
    return (f"{first} | {at_clock(when)}", *more)


# --- of the notifier itself ---------------------------------------------------------------------------


def unreadable(what: str) -> Lines:
    return (f"A decision that this notifier cannot read: {what}",)


def without_stop(what: str) -> Lines:
    """Words that what is open is without its protective stop."""
    return (
        f"🚨 WITHOUT ITS STOP at the broker: {what}",
        "Look at its worker's log; close it there, or place one",
    )


def not_deciding(since: datetime) -> Lines:
    return (
        "🚨 NOBODY COORDINATES: no entry is answered, no stop is noticed",
        "Is a coordinator running? portfold status",
        f"Since: {since:%Y-%m-%dT%H:%M:%S %Z}",
    )


def missed(after: str, up_to: str, why: str, when: datetime, *, perhaps: bool) -> Lines:
    missed = "ALERTS MISSED, perhaps" if perhaps else "ALERTS MISSED"
    return (
        f"🚨 {missed}: events after {after} up to {up_to} left the server before alerts of them were sent",
        f"Why: {why}",
        time_line(when),
    )


def set_back(after: str, up_to: str, when: datetime) -> Lines:
    return (
        f"🚨 ALERTS MISSED, perhaps: the log's end was taken off, with event {after}, as by portfold renew",
        f"They go on after event {up_to}; what was put on again may be told twice",
        time_line(when),
    )


def unworded(at: str, fault: str, when: datetime) -> Lines:
    return (
        f"🚨 ALERTS MISSED: event {at} cannot be put into words, by a fault of the notifier's own: {fault}",
        "What happened: portfold audit show; more of the kind: the notifier's log",
        time_line(when),
    )


def place_lost(at: str, when: datetime) -> Lines:
    return (
        "🚨 ALERTS MISSED, perhaps: somebody overwrote how far alerts had been told here",
        f"They go on after event {at}; what happened before: portfold audit",
        time_line(when),
    )


def refused(count: int, why: str, when: datetime) -> Lines:
    what = "An alert was" if count == 1 else f"{count} alerts were"
    return (
        f"🚨 ALERTS MISSED: {what} refused here and passed over: {why}",
        "What it said: the notifier's log, portfold audit",
        time_line(when),
    )


def startup(portfolio: str, wanted: str, limits: str, state: str) -> Lines:
    return (
        f"Alerts of portfolio {portfolio} are told here: {wanted}",
        f"Limits in force: {limits or 'none yet'}{state}",
    )
