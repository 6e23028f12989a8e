"""The flattener's process: opens its broker, gate, marks and watch of the book, and looks again at each beat.

Guarantees: of several flatteners of a portfolio one closes, and the others stand by; when that one ends, or
dies, another takes its place.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from portfold.clock import SystemClock
from portfold.config import Configuration
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import Log
from portfold.workers.brokers.protocol import BrokerSetup, OpenedBroker
from portfold.workers.brokers.registry import open_broker
from portfold.workers.claims.claim import Claim
from portfold.workers.claims.standing_by import Replaced, take_the_place
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.book_watch import BookWatch
from portfold.workers.flattener.flattener import NAME, Flattener, Within, hears
from portfold.workers.flattener.orphan_marks import OrphanMarks, Pace


def run(
    configuration: Configuration, settings: GateSettings, book: Path, *, log: Log, stop: threading.Event
) -> None:
    """Stands by while another flattener lives; then closes, until `stop` is set.

    Raises BrokerError, ConfigError, Replaced.
    """
    # Without the bus it cannot know who is dead, so it leaves everything to the owners.
    settings = msgspec.structs.replace(settings, on_bus_loss="hold")
    with (
        closing(open_broker(BrokerSetup(configuration, NAME, book, log, os.environ))) as broker,
        closing(_open_bus(settings)) as bus,
        Claim(_open_bus(settings), NAME, settings, stop=stop, log=log) as claim,
    ):
        take_the_place(claim, bus, NAME, seconds=settings.heartbeat_seconds, log=log, stop=stop)
        gate = PortfolioGate(NAME, settings=settings, hears=hears, log=log)
        flattener = Flattener(
            gate=gate,
            bus=bus,
            broker=broker,
            contracts=configuration.contracts,
            within=Within(settings.worker_lost_seconds),
            log=log,
        )
        book_watch = BookWatch(bus, broker, log=log, clock=SystemClock())
        if not stop.is_set():
            with gate, _marked(configuration, settings, gate, broker, log):
                log.info("Flattener ready", portfolio=settings.portfolio, book=str(book))
                while not stop.wait(settings.heartbeat_seconds):
                    flattener.look_again()
                    book_watch.look()
                    flattener.close_for_the_lost(book_watch.left_unreported)
        if claim.lost_to:
            raise Replaced(f"Another flattener closes here now: {claim.lost_to}.")


@contextmanager
def _marked(
    configuration: Configuration, settings: GateSettings, gate: PortfolioGate, broker: OpenedBroker, log: Log
) -> Iterator[None]:
    """Marks what no worker is there to mark, where the portfolio has a feed."""
    market = configuration.runtime.market
    if market is None:
        yield
        return
    contracts = {name: one for name, one in configuration.contracts.items() if name in market.symbols}
    repeat_seconds = settings.mark_stale_seconds / 2
    pace = Pace(settings.mark_seconds, market.price_stale_seconds, repeat_seconds)
    marks = OrphanMarks(_open_bus(settings), gate, broker, contracts, pace, log=log, clock=SystemClock())
    with closing(marks):
        marks.start()
        yield


def _open_bus(settings: GateSettings) -> Bus:
    return Bus(connect(settings.url, password=settings.password), settings.portfolio)
