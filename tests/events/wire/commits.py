"""A commit with whatever a test does not care about filled in."""

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Committed

TICK = ["type", "ClockTicked"]
SEVEN = StreamId(7, 0)


def commit(
    bus: Bus,
    *,
    epoch: int,
    before: StreamId = ORIGIN,
    after: StreamId = SEVEN,
    events: int = 0,
    decisions: dict[str, list[str]] | None = None,
    status: dict[str, str] | None = None,
) -> Committed:
    written = [(StreamId.parse(at), fields) for at, fields in (decisions or {}).items()]
    return bus.commit(
        epoch=epoch,
        before=before,
        after=after,
        chain="c" * 64,
        events=events,
        decisions=written,
        status=status or {},
    )
