"""The streams of the bus: adds to them, and reads them exactly as they lie there.

Beside the log (events and decisions) these are the kill switch and the conductor's streams. Guarantees:
nothing here changes or removes an entry.
"""

from collections.abc import Sequence

from portfold.events.codec import Fields
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import Entry, Extent, entries_in, milliseconds_in, trimmed_away
from portfold.events.wire.connection import Connected, answers_to, was_hung_up_on
from portfold.events.wire.errors import BusUnreachable

SERVERS_TIME = "*"
"""As an event's ID: let the server stamp it with its clock."""


def at_time(ms: int) -> str:
    """Returns the stamp for the next free ID in this millisecond, where the clock is driven."""
    return f"{ms}-*"


_SMALLER = 8


class Streams(Connected):
    """The part of a bus that adds to the portfolio's streams and reads them.

    Where entries of many megabytes are so many that the server hangs up on whoever reads them at once, they
    are read in smaller pages, down to one entry: fewer may come than were asked for.
    """

    # --- the log -----------------------------------------------------------------------------------------

    def append(self, fields: Fields, stamp: str = SERVERS_TIME) -> StreamId:
        """Adds an event and returns its ID. On BusUnreachable it may be there or not.

        Where the environment names keys, it is proved whose it is.
        """
        fields = self._signed(fields)
        with self._errors_while("adding an event"):
            return StreamId.parse(self._client.execute_command("XADD", self.keys.events, stamp, *fields))

    def events_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        """Reads the next events; with `block_ms` waits so long for the first."""
        return self._after(self.keys.events, after, count, block_ms)

    def events_before(self, before: StreamId, *, count: int) -> list[Entry]:
        """Reads the latest events up to and with `before`, the newest first."""
        with self._errors_while("reading a stream backwards"):
            return entries_in(self._client.xrevrange(self.keys.events, str(before), "-", count=count))

    def decisions_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        """Reads the next decisions; with `block_ms` waits so long for the first."""
        return self._after(self.keys.decisions, after, count, block_ms)

    def decisions_heard(self, after: StreamId, *, count: int, block_ms: int) -> tuple[list[Entry], int]:
        """Waits for the next decisions; with the server's clock, ms, right when they could be read."""
        with self._errors_while("hearing decisions"), self._client.pipeline(transaction=False) as commands:
            commands.execute_command(
                *("XREAD", "COUNT", count, "BLOCK", max(1, block_ms)),
                *("STREAMS", self.keys.decisions, str(after)),
            )
            commands.time()
            reply, time = answers_to(commands)
        return entries_in(reply[0][1]) if reply else [], milliseconds_in(time)

    def decisions_of(self, event: StreamId) -> list[Entry]:
        """Reads the decisions on one event."""
        if not event.answerable:
            return []
        with self._errors_while("reading decisions"):
            found = self._client.xrange(self.keys.decisions, str(event.decision(0)), str(event.decision(99)))
        return entries_in(found)

    def last_event(self) -> StreamId:
        """Returns the largest ID the events stream ever gave out; ORIGIN when there is no stream."""
        return self._last(self.keys.events)

    def last_decision(self) -> StreamId:
        """Returns the largest ID the decisions stream ever gave out; ORIGIN when there is no stream."""
        return self._last(self.keys.decisions)

    def extent(self) -> Extent:
        """Returns the extent of the events stream."""
        return self._extent(self.keys.events)

    def decisions_extent(self) -> Extent:
        """Returns the extent of the decisions stream."""
        return self._extent(self.keys.decisions)

    def lost(self, events: Sequence[StreamId]) -> StreamId | None:
        """Returns the last of these added events that is gone, not counting what was trimmed away."""
        with self._errors_while("looking for events"), self._client.pipeline(transaction=False) as commands:
            for event in events:
                commands.xrange(self.keys.events, str(event), str(event))
            found = answers_to(commands)
        gone = [event for event, there in zip(events, found, strict=True) if not there]
        if not gone:
            return None
        extent = self.extent()
        return max((event for event in gone if not trimmed_away(event, extent)), default=None)

    # --- the kill switch ---------------------------------------------------------------------------------

    def orders_after(
        self, decisions: StreamId, killswitch: StreamId, *, count: int, block_ms: int
    ) -> tuple[list[Entry], list[Entry]]:
        """Reads what a worker obeys: the next decisions and kill switch pulls; waits for either."""
        keys = (self.keys.decisions, self.keys.killswitch)
        with self._errors_while("reading orders"):
            reply = self._client.execute_command(
                *("XREAD", "COUNT", count, "BLOCK", max(1, block_ms)),
                *("STREAMS", *keys, str(decisions), str(killswitch)),
            )
        found = {key: entries_in(entries) for key, entries in reply or ()}
        return found.get(keys[0], []), found.get(keys[1], [])

    def pull_killswitch(self, fields: Fields) -> StreamId:
        """Pulls the kill switch: reaches every worker at once, whether or not anybody coordinates."""
        return self.publish(self.keys.killswitch, fields)

    def last_pull(self) -> Entry | None:
        """Returns the latest pull of the kill switch."""
        with self._errors_while("reading the kill switch"):
            found = entries_in(self._client.xrevrange(self.keys.killswitch, count=1))
        return found[0] if found else None

    def last_pull_id(self) -> StreamId:
        """Returns the largest ID a pull of the kill switch ever had."""
        return self._last(self.keys.killswitch)

    # --- the driven clock's ------------------------------------------------------------------------------

    def publish(self, key: str, fields: Fields) -> StreamId:
        """Adds to one of the streams beside the log (`keys.bars`, `keys.steps`, `keys.killswitch`)."""
        with self._errors_while(f"adding to {key}"):
            return StreamId.parse(self._client.execute_command("XADD", key, "*", *fields))

    def published_after(self, key: str, after: StreamId, *, count: int, block_ms: int) -> list[Entry]:
        """Reads one of the streams beside the log."""
        return self._after(key, after, count, block_ms)

    # --- any of them -------------------------------------------------------------------------------------

    def _after(self, key: str, after: StreamId, count: int, block_ms: int | None) -> list[Entry]:
        block = () if block_ms is None else ("BLOCK", max(1, block_ms))
        page = count
        while True:
            try:
                with self._errors_while("reading a stream"):
                    reply = self._client.execute_command(
                        "XREAD", "COUNT", page, *block, "STREAMS", key, str(after)
                    )
            except BusUnreachable as unreachable:
                if page == 1 or not was_hung_up_on(unreachable):
                    raise
                page = max(1, page // _SMALLER)
                continue
            return entries_in(reply[0][1]) if reply else []

    def _extent(self, key: str) -> Extent:
        with self._errors_while("looking at the log"):
            if not self._client.exists(key):
                return Extent(0, 0, ORIGIN, ORIGIN)
            facts = self._client.xinfo_stream(key)
        first = facts["first-entry"]
        return Extent(
            added=int(facts["entries-added"]),
            length=int(facts["length"]),
            first=StreamId.parse(first[0]) if first else ORIGIN,
            last=StreamId.parse(facts["last-generated-id"]),
        )

    def _last(self, key: str) -> StreamId:
        with self._errors_while("looking at a stream"):
            if not self._client.exists(key):
                return ORIGIN
            return StreamId.parse(self._client.xinfo_stream(key)["last-generated-id"])
