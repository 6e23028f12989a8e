"""Which alerts go to a destination, and how that is said at the start."""

from portfold.config import AlertKind, AlertLevel, Destination
from portfold.workers.notify.alert import LEVELS, Alert


def wants(destination: Destination, alert: Alert) -> bool:
    """Returns whether the alert goes there."""
    return wants_kind(destination, alert.kind, alert.level)


def wants_kind(destination: Destination, kind: AlertKind, level: AlertLevel) -> bool:
    """Returns whether such an alert goes there: as its kind is set, else by its level."""
    chosen = destination.kinds.get(kind)
    if chosen is not None:
        return chosen
    return LEVELS.index(level) >= LEVELS.index(destination.level)


def wanted_words(destination: Destination) -> str:
    """`warning and above, also day_summary, without worker_lost`."""
    base = "everything" if destination.level == LEVELS[0] else f"{destination.level} and above"
    if destination.level == LEVELS[-1]:
        base = "what is critical"
    also = [kind for kind, sent in destination.kinds.items() if sent]
    without = [kind for kind, sent in destination.kinds.items() if not sent]
    parts = [base]
    if also:
        parts.append(f"also {', '.join(also)}")
    if without:
        parts.append(f"without {', '.join(without)}")
    return "; ".join(parts)
