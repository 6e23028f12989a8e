"""The row that each kind of message has: its words for the log and for an alert.

One row serves all who show a message: the coordinator's log, `portfold tail`, `portfold audit`, the day's
report, the notifier. A row is plain values, made from the message and from what is `Known` besides.
Nothing here knows the clock: whoever sends an alert adds the time.
"""

from typing import Literal, NamedTuple

from portfold.config import AlertKind, AlertLevel

Level = Literal["debug", "info", "warning", "error", "critical"]
_EVERYDAY: tuple[Level, ...] = ("debug", "info")


def is_everyday(level: Level) -> bool:
    """Returns whether lines of this level are routine, and so left out where only trouble is wanted."""
    return level in _EVERYDAY


class AlertWords(NamedTuple):
    """An alert without its time. Its first line says it all, the others add to it; the rest as in `Alert`."""

    kind: AlertKind
    level: AlertLevel
    lines: tuple[str, ...]
    group: str = ""
    subject: str = ""


class MessageWords(NamedTuple):
    """A row: the sentence for the log and its level; the alert, None where the message is not worth one.

    The coordinator does not log level `debug`: only readers of the record see it.
    """

    level: Level
    text: str
    alert: AlertWords | None


class Known:
    """What is known around one event besides itself; the row leaves out what is not known.

    This base knows nothing. The log asks the state, an alert asks what the notifier remembers.
    """

    def daily_pnl(self) -> str:
        """Returns the day's P&L right after it, as the end of a sentence."""
        return ""

    def open_positions(self) -> str:
        """Returns how many positions are open right after it, as the end of a sentence."""
        return ""

    def is_answered_for(self) -> bool:
        """Returns whether somebody acknowledged the loss that it reports."""
        return False

    def slots_left(self) -> list[str]:
        """Returns the symbols in which its worker left a slot that may have been filled."""
        return []

    def long_renewed_ms(self) -> int:
        """Returns how long the slot has been renewed, where a person should ask about it; else 0."""
        return 0

    def leader(self) -> str:
        """Returns who led before it."""
        return ""

    def limits(self) -> str:
        """Returns the limits in force, in words."""
        return ""
