"""Watches what lies behind the leader: whether the log still adds up, and who takes history off the server.

Guarantees: whatever is found, the leader has first written down what the log came to, so that what somebody
took away can be answered for; and history that went to no archive is told once, at the latest with the next
look.
"""

from collections.abc import Callable

from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.durability import refuse_eviction
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Extent, Head
from portfold.log import Log


class HistoryWatch:
    """Looks as often as it is asked to; `keep` writes the snapshot."""

    def __init__(self, bus: Bus, keep: Callable[[], object], log: Log) -> None:
        self._bus = bus
        self._keep = keep
        self._log = log
        self._gone = 0

    def begin(self) -> None:
        """Notes how much of the log is gone when somebody begins to lead on it."""
        self._gone = _gone(self._bus.extent())

    def look(self, decided: Head) -> None:
        """Raises LogIntegrityLost where an event vanished undecided; BusRefused."""
        try:
            log_integrity.prove(self._bus, decided)
        except log_integrity.LogIntegrityLost:
            self._keep()
            raise
        extent = self._bus.extent()
        lacks = _gone(extent) - self._gone
        if lacks > 0 and not self._archived(extent.first):
            self._keep()
            self._log.critical(
                f"HISTORY IS GONE: {lacks} decided events were removed, and not by an archiver",
                begins=str(extent.first),
                what_to_do="find out who may do that: portfold acl. The state is kept; an audit ends there",
            )
        self._gone = _gone(extent)
        refuse_eviction(self._bus.server())

    def _archived(self, first: StreamId) -> bool:
        """Returns whether what lies before `first` went to the archive."""
        archived = self._bus.archived()
        return archived is not None and archived.kept_from != ORIGIN and archived.kept_from >= first


def _gone(extent: Extent) -> int:
    return extent.added - extent.length
