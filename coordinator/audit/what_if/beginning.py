"""Where a trial begins: with the trading day under way, or at a moment that somebody names.

The state there is folded from the nearest place before it that is at hand: the snapshot, the archive's end,
the log's beginning. Guarantees: it only reads; a page of entries and one state are in memory.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.moment import Exchange, Moment, exchange_of
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.coordinator.store.log_reader import LogReader
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus

FOLDED_AGAIN = 250_000
"""So many events on the server are folded again for the day's beginning; else it is the snapshot."""


class Beginning(NamedTuple):
    """Where a trial begins, and the trading day there; `whole_day`: it is the beginning of that day."""

    at: Checkpoint
    day: str
    whole_day: bool


def beginning_of_trial(
    bus: Bus, archive: Path | None, candidate: LimitsChanged, since: Moment | None = None
) -> Beginning:
    """Returns where a trial begins: after the event or at the time `since`, else with the day under way.

    Where the log is too long to be folded again for that, or no longer there, a trial that names no moment
    begins at the snapshot; with a moment it raises LogDiffers. Raises BusError, ArchiveError.
    """
    head = bus.head()
    decided = head.cursor if head else ORIGIN
    snapshot = Follower.from_snapshot(bus, archive)
    exchange = exchange_of(snapshot.state.limits or limits_of(candidate))
    if since is not None:
        return _named(bus, archive, snapshot, min(_last_before(since, exchange, decided), decided), exchange)
    day = _day(decided, exchange)
    before = StreamId(exchange.day_begins_ms(date.fromisoformat(day)), 0).before() if day else ORIGIN
    follower = snapshot if snapshot.cursor <= before else _further_back(bus, snapshot)
    whole_day = follower.cursor <= before
    while follower.cursor < before and follower.step(bus, before):
        pass
    return Beginning(follower.checkpoint, day, whole_day)


def _last_before(since: Moment, exchange: Exchange, decided: StreamId) -> StreamId:
    """Returns the last ID before the trial: the event's own, after which it begins, or that before a time."""
    if since.event is not None:
        return since.event
    return since.first(exchange, exchange.local(decided.ms).date()).before()


def _named(
    bus: Bus, archive: Path | None, snapshot: Follower, last: StreamId, exchange: Exchange
) -> Beginning:
    follower = snapshot if snapshot.cursor <= last else Follower(archive=archive)
    for recorded in LogReader(bus, follower.cursor, archive=archive).up_to(last):
        follower.again(recorded)
    if last == ORIGIN:
        return Beginning(follower.checkpoint, "", whole_day=True)
    day = _day(StreamId(last.ms + 1, 0), exchange)
    return Beginning(follower.checkpoint, day, whole_day=day != _day(last, exchange))


def _day(at: StreamId, exchange: Exchange) -> str:
    """Returns the trading day of an ID; nothing for that before all."""
    return trading_day_at(at.ms, exchange.zone, exchange.roll).date if at > ORIGIN else ""


def _further_back(bus: Bus, snapshot: Follower) -> Follower:
    if bus.extent().length > FOLDED_AGAIN:
        return snapshot
    try:
        return snapshot.further_back(bus)
    except (LogDiffers, ArchiveError):  # begins where it can: what is wrong with the rest the audit says
        return snapshot
