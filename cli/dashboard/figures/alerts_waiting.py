"""How alerts stand at each destination: how many wait there, how long the first has, and what failed.

What waits is reckoned as the notifier would: the events after the place that it has noted, read with the book
it noted there. Guarantees: reads, and moves nothing; bounded: of a long queue it counts the beginning.
"""

from collections.abc import Iterator
from typing import NamedTuple

from portfold.cli.target import ResolvedTarget
from portfold.config import Destination
from portfold.coordinator.store.recorded import Recorded
from portfold.errors import PortfoldError
from portfold.events.stream_id import StreamId
from portfold.events.wire.connection import connect
from portfold.events.wire.notifier_bus import DeliveryCursor, NotifierBus
from portfold.workers.notify.alerts import alerts_of
from portfold.workers.notify.book import AlertMemory, read_book
from portfold.workers.notify.routing import wants
from portfold.workers.notify.words.wording import When, clock_of

_MOST_EVENTS = 500


class AlertsStand(NamedTuple):
    """One destination: whether a notifier serves it, how many alerts wait, and how many attempts failed ever.

    `first_ms` is when the first that waits came, None for none.
    """

    destination: str
    served: bool
    waiting: int
    first_ms: int | None
    failed: int


def alerts_stand(place: ResolvedTarget) -> list[AlertsStand]:
    """Returns how alerts stand at each destination that a notifier ever served. Raises BusError."""
    runtime = place.configuration.runtime
    destinations = runtime.destinations
    if not destinations:
        return []
    bus = NotifierBus(connect(place.url, password=place.password), place.portfolio)
    try:
        clock = clock_of(runtime.trading_day.zone)
        found = (_stands(bus, name, wanted, clock) for name, wanted in destinations.items())
        return [one for one in found if one is not None]
    finally:
        bus.close()


def _stands(bus: NotifierBus, name: str, destination: Destination, clock: When) -> AlertsStand | None:
    delivered = bus.delivered(name)
    if delivered is None:
        return None
    waiting = list(_waiting(bus, delivered, destination, clock))
    first_ms = waiting[0].ms if waiting else None
    return AlertsStand(name, bus.serves(name), len(waiting), first_ms, bus.failures(name))


def _waiting(
    bus: NotifierBus, delivered: DeliveryCursor, destination: Destination, clock: When
) -> Iterator[StreamId]:
    """Yields the event of each alert that waits."""
    head, book, skipped = bus.head(), read_book(delivered.book) or AlertMemory(), delivered.part
    for event in bus.events_after(delivered.cursor, count=_MOST_EVENTS):
        if head is None or event.id > head.cursor:
            return
        try:
            alerts, book = alerts_of(book, Recorded(event, bus.decisions_of(event.id)), clock)
        except PortfoldError:  # the notifier says what is wrong with such an event
            continue
        for number, alert in enumerate(alerts):
            if number >= skipped and wants(destination, alert):
                yield event.id
        skipped = 0
