"""An alert, and the message that one or several are sent in. Plain values."""

from msgspec import Struct

from portfold.config import AlertKind, AlertLevel

LEVELS: tuple[AlertLevel, ...] = ("info", "warning", "critical")
"""The least grave first."""


class Alert(Struct, frozen=True):
    """Something worth a message, at the millisecond `at_ms` of the log's clock.

    Its first line says it all, those after it more. Alerts of one kind and one `group` may be merged into one
    line, with their `subject`s counted; without a group never.
    """

    kind: AlertKind
    level: AlertLevel
    at_ms: int
    lines: tuple[str, ...]
    group: str = ""
    subject: str = ""


class Message(Struct, frozen=True):
    """What is sent at once: the next `count` alerts. `closed`: no later alert may still join it."""

    level: AlertLevel
    kinds: tuple[AlertKind, ...]
    lines: tuple[str, ...]
    count: int
    first_ms: int
    last_ms: int
    closed: bool

    @property
    def text(self) -> str:
        """Returns all its lines."""
        return "\n".join(self.lines)


def gravest(alerts: tuple[Alert, ...]) -> AlertLevel:
    """Returns the highest level among them."""
    return max((alert.level for alert in alerts), key=LEVELS.index)
