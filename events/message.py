"""What all messages share: immutable, named by `type`, no field that is not declared."""

from msgspec import Struct

from portfold.events.fields import Count, Name


class AnyEvent(Struct, frozen=True, tag_field="type", tag=True, forbid_unknown_fields=True):
    """What all events share."""


class WorkerEvent(AnyEvent, frozen=True, tag_field="type", tag=True):
    """An event of a worker. (worker, session, seq) names it: a repeat is not folded twice."""

    worker: Name
    session: Name
    seq: Count


class AnyDecision(Struct, frozen=True, tag_field="type", tag=True, forbid_unknown_fields=True):
    """What all decisions share."""
