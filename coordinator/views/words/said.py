"""The row that each kind of message has: what the log and what an alert says of it.

One row serves all who tell of a message: the coordinator's log, `portfold tail`, `portfold audit`, the day's
report, the notifier. A row is plain values, made from the message and from what is `Known` besides.
Nothing here knows of the clock: who sends an alert adds the time.
"""

from typing import Literal, NamedTuple

from portfold.config import AlertKind, AlertLevel

Level = Literal["debug", "info", "warning", "error", "critical"]
_EVERYDAY: tuple[Level, ...] = ("debug", "info")


def is_everyday(level: Level) -> bool:
    """Whether what is told at this level is in order, and so left out where only the rest is wanted."""
    return level in _EVERYDAY


class AlertWords(NamedTuple):
    """An alert but for its time. The first line says it all, those after it more; the rest as in `Alert`."""

    kind: AlertKind
    level: AlertLevel
    lines: tuple[str, ...]
    group: str = ""
    subject: str = ""


class Said(NamedTuple):
    """A row: the sentence of the log and how grave it is; the alert, None where it is not worth one.

    What is of level `debug` the coordinator does not log: only who reads the record sees it.
    """

    level: Level
    text: str
    alert: AlertWords | None


class Known:
    """What is known around one event besides itself. This one knows nothing; of what is not known, nothing is
    said. The log asks the state, an alert what the notifier remembers.
    """

    def daily_pnl(self) -> str:
        """The day's P&L right after it, as the end of a sentence."""
        return ""

    def open_positions(self) -> str:
        """How many positions are open right after it, as the end of a sentence."""
        return ""

    def is_answered_for(self) -> bool:
        """Whether somebody acknowledged the loss that it reports."""
        return False

    def slots_left(self) -> list[str]:
        """The symbols in which its worker has a slot of which nobody knows how it went."""
        return []

    def long_renewed_ms(self) -> int:
        """For how long the slot has been renewed by now, where that is to be asked about; else 0."""
        return 0

    def leader(self) -> str:
        """Who led before it."""
        return ""

    def limits(self) -> str:
        """The limits in force, in words."""
        return ""
