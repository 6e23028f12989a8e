"""A portfolio on a real server as a coordinator, workers and a standby would leave it, put there by hand.

The state comes from a story, which the fold has folded; the log's clock is that of the story.
"""

from typing import Any

from portfold.coordinator.views.overview import Overview, look
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from tests.coordinator.story import Story

FLATTENER = "flattener"
LEADER = "here.1.abc"
STANDBY = "there.2.def"
_MINUTE_MS = 60_000


class Standing:
    """The portfolio of `bus`, with all as it should be until a test changes something."""

    def __init__(self, bus: Bus, client: Any) -> None:
        self.bus = bus
        self.client = client

    def of(self, story: Story, *, clock: str = "driven") -> "Standing":
        """The story's state is the status, its last moment the end of the log; all it names are alive."""
        at = StreamId(story.ms, 0)
        self.client.execute_command("XADD", self.bus.keys.events, str(at), "type", "ClockTicked")
        head = {"epoch": "1", "cursor": str(at), "chain": "c" * 64, "folded": "1"}
        self.client.hset(self.bus.keys.head, mapping=head)
        shown = {"leader": LEADER, "durability": "append-only file, fsync always", "clock": clock}
        self.bus.take_lead(LEADER, _MINUTE_MS)
        self.bus.stand_by(STANDBY, _MINUTE_MS)
        for worker in (*story.state.workers, FLATTENER):
            self.bus.beat(worker, "s1", _MINUTE_MS)
        # At last, for a watch draws as soon as there is a status.
        view = portfolio_view(story.state, at, **shown)
        self.client.hset(self.bus.keys.status, mapping=status_fields(view))
        return self

    def seen(self) -> Overview:
        """How it looks now."""
        found = look(self.bus, flattener=FLATTENER)
        assert found is not None
        return found
