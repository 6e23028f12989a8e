"""An alert, and the message that one or several of them are told in. Plain values."""

from msgspec import Struct

from portfold.config import AlertKind, AlertLevel

LEVELS: tuple[AlertLevel, ...] = ("info", "warning", "critical")
"""The least grave first."""


class Alert(Struct, frozen=True):
    """Something worth telling, at the millisecond `at_ms` of the log's clock.

    Its first line says it all, those after it more. Alerts of one kind and one `group` may be told as one,
    with their `subject`s counted; without a group never.
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
        """All its lines."""
        return "\n".join(self.lines)


def gravest(alerts: tuple[Alert, ...]) -> AlertLevel:
    """The highest level among them."""
    return max((alert.level for alert in alerts), key=LEVELS.index)
