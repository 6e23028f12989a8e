"""The words for what is said of the market's calendar and of windows: a row a kind."""

from portfold.coordinator.views.words.message_words import AlertWords, MessageWords
from portfold.dollars import shown
from portfold.events.calendar import (
    SessionsPublished,
    WindowClosed,
    WindowOpened,
    WindowsPublished,
    dated_of,
    sessions_of,
)
from portfold.events.decisions import TradingDayStarted
from portfold.exchange_time import span, utc_clock

_WORTH_A_WORD_MS = 60_000
"""How late a window has to open for that to be told: a leader ticks at its beginning."""


def sessions_published(event: SessionsPublished) -> MessageWords:
    """Returns the row of sessions that were put on the log."""
    count = len(sessions_of(event.sessions))
    line = f"Sessions published by {event.by}: {count} from {event.first} to {event.last} | {event.source}"
    return MessageWords("info", line, alert=AlertWords("calendar_published", "info", (line,)))


def windows_published(event: WindowsPublished) -> MessageWords:
    """Returns the row of windows that were put on the log."""
    line = f"Windows published by {event.by}: {len(dated_of(event.windows))} | {event.source}"
    return MessageWords("info", line, alert=AlertWords("calendar_published", "info", (line,)))


def opened(decision: WindowOpened) -> MessageWords:
    """Returns the row of a window that opens; one that closes everything, or is late, is a warning."""
    closed = "all" if decision.symbols else "everything"
    what = f"{closed} is closed, " if decision.action == "flatten" else ""
    of = f" in {decision.symbols}" if decision.symbols else ""
    late_ms = decision.late_ms if decision.late_ms >= _WORTH_A_WORD_MS else 0
    late = f" | {span(late_ms)} LATE: nothing was on the log when it began" if late_ms else ""
    line = (
        f"Window {decision.window} is open until {utc_clock(decision.until_ms)}: {what}no entries{of}{late}"
    )
    serious = bool(late_ms) or decision.action == "flatten"
    alert = AlertWords("window_opened", "warning" if serious else "info", (line,))
    return MessageWords("warning" if serious else "info", line, alert=alert)


def closed(decision: WindowClosed) -> MessageWords:
    """Returns the row of a window that is over."""
    line = f"Window {decision.window} is over"
    return MessageWords("info", line, alert=AlertWords("window_closed", "info", (line,)))


def day_started(decision: TradingDayStarted) -> MessageWords:
    """Returns the row of a new day. No alert: the notifier sends its own, the summary of the trades."""
    return MessageWords(
        "info",
        f"Trading day {decision.day} | {decision.previous_day or 'No day'} before it: "
        f"Daily P&L: {shown(decision.daily_pnl)} | Entries allowed: {decision.entries_allowed}, "
        f"blocked: {decision.entries_blocked} | Stops: {decision.stops}",
        alert=None,
    )
