"""The words for what is said of a lockout: a row a kind."""

from portfold.coordinator.views.words.message_words import AlertWords, MessageWords
from portfold.events.decisions import LockoutEnded
from portfold.events.incoming import LockoutOrdered
from portfold.exchange_time import utc_clock


def ordered(event: LockoutOrdered) -> MessageWords:
    """Returns the row of an order that locks out."""
    until = utc_clock(event.until_ms)
    line = f"Locked out by {event.by} until {until}, and nobody lifts it before: {event.reason}"
    return MessageWords("warning", line, alert=AlertWords("locked_out", "warning", (line,)))


def ended(decision: LockoutEnded) -> MessageWords:
    """Returns the row of a lockout that is over."""
    line = f"The lockout by {decision.by} is over: it lasted until {utc_clock(decision.until_ms)}"
    return MessageWords("info", line, alert=AlertWords("lockout_over", "info", (line,)))
