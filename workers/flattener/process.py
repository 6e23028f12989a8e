"""The flattener's process: opens its broker, gate and watch of the book, and looks again at each beat."""

import os
import threading
from contextlib import closing
from pathlib import Path

import msgspec

from portfold.clock import SystemClock
from portfold.config import Configuration
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import Log
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.registry import open_broker
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.book_watch import BookWatch
from portfold.workers.flattener.flattener import NAME, Flattener, Within, hears


def run(
    configuration: Configuration, settings: GateSettings, book: Path, *, log: Log, stop: threading.Event
) -> None:
    """Stands ready until `stop` is set. Raises BrokerError, ConfigError."""
    # Without the bus it cannot know who is dead, so it leaves everything to the owners.
    settings = msgspec.structs.replace(settings, on_bus_loss="hold")
    bus = Bus(connect(settings.url, password=settings.password), settings.portfolio)
    with closing(open_broker(BrokerSetup(configuration, NAME, book, log, os.environ))) as broker:
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
        with gate:
            log.info("Flattener ready", portfolio=settings.portfolio)
            while not stop.wait(settings.heartbeat_seconds):
                flattener.look_again()
                book_watch.look()
                flattener.close_for_the_lost(book_watch.left_unreported)
    bus.close()
