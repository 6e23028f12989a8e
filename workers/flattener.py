"""The flattener: closes what a dead worker left open, by its own way to the broker, and reports it.

It acts on what the coordinator hands over; when everything is to be closed, also for whoever gives no sign
of life, so that it needs no coordinator. A worker that has just died still seems alive for a moment: such an
order stands until every sign of life from before it has lapsed, and for as long as closing fails. Where the
dead worker had closed at the broker and died before saying so, the flattener reports that very fill. Of two
who close the same contracts the broker lets one succeed, and a fill reported twice is folded once.
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec

from config import Configuration, Contract
from coordinator.clock import Clock, SystemClock
from coordinator.log import Log
from events.bus import Bus, Entry
from events.connection import connect
from workers.brokers.protocol import Broker, BrokerPosition, BrokerSetup, ExitFill, NotOpen
from workers.brokers.registry import open_broker
from workers.flatten_order import FlattenOrder, handed_over, order_for
from workers.gate import PortfolioGate
from workers.reporting import report_exit
from workers.settings import GateSettings

NAME = "flattener"


class Flattener:
    """Closes orphaned positions at `broker`, and reports through `gate`.

    `lapse_seconds`: how long a sign of life lasts, at most, after the death of who gave it.
    """

    def __init__(
        self,
        *,
        gate: PortfolioGate,
        bus: Bus,
        broker: Broker,
        contracts: Mapping[str, Contract],
        lapse_seconds: float,
        log: Log,
        clock: Clock | None = None,
    ) -> None:
        self._gate = gate
        self._bus = bus
        self._broker = broker
        self._contracts = contracts
        self._lapse_seconds = lapse_seconds
        self._log = log
        self._clock = clock or SystemClock()
        self._closing = threading.Lock()
        self._everything: tuple[str, float] | None = None
        gate.on_flatten(self.flatten, reminded=True)

    def flatten(self, order: FlattenOrder) -> None:
        """Closes the legs that were handed over; where everything must go, all of those who are silent.

        When some of it fails the rest is closed all the same, and the first failure raised.
        """
        if order.everything:
            self._everything = (order.cause, self._clock.monotonic() + self._lapse_seconds)
            self._close_orphans(order.cause)
            return
        with self._closing:
            legs = {(leg.worker, leg.symbol, leg.side) for leg in order.positions}
            held = [one for one in self._broker.positions() if (one.owner, one.symbol, one.side) in legs]
            self._close_all(held, {(owner, symbol) for owner, symbol, _ in legs}, order.cause)

    def look_again(self) -> None:
        """Closes what has become an orphan's since the order to close everything, while that stands."""
        standing = self._everything
        if standing is None:
            return
        cause, until = standing
        over = self._clock.monotonic() >= until
        try:
            self._close_orphans(cause)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look tries again
            self._log.critical("Orphans could not be closed; trying again", why=repr(error))
            return
        if over and self._everything is standing:
            self._everything = None

    def _close_orphans(self, cause: str) -> None:
        """Closes, and reports, whatever belongs to workers whose heartbeat is gone."""
        with self._closing:
            held = self._broker.positions()
            unreported = self._broker.unreported_exits()
            owners = sorted({one.owner for one in held} | {fill.owner for fill in unreported})
            silent = {owner for owner, beat in zip(owners, self._bus.beats(owners), strict=True) if not beat}
            closed = {(fill.owner, fill.symbol) for fill in unreported if fill.owner in silent}
            self._close_all([one for one in held if one.owner in silent], closed, cause)

    def _close_all(self, held: Iterable[BrokerPosition], closed: set[tuple[str, str]], cause: str) -> None:
        """Closes all of `held`, then reports that and what is `closed`; one that fails holds up no other."""
        failed: list[Exception] = []
        for position in held:
            self._try(failed, partial(self._close, position))
            closed.add((position.owner, position.symbol))
        for fill in self._broker.unreported_exits():
            if (fill.owner, fill.symbol) in closed:
                self._try(failed, partial(self._report, fill, cause))
        if failed:
            raise failed[0]

    def _try(self, failed: list[Exception], act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - raised by `_close_all`, once all the others are done
            self._log.critical("NOT CLOSED, or not reported", why=repr(error))
            failed.append(error)

    def _report(self, fill: ExitFill, cause: str) -> None:
        self._log.warning("Reporting a close", symbol=fill.symbol, owner=fill.owner, fill=fill.fill_id)
        report_exit(self._gate, self._broker, self._contracts[fill.symbol], fill, cause)

    def _close(self, held: BrokerPosition) -> None:
        try:
            self._broker.exit(held.symbol, held.side, held.size, None, owner=held.owner)
        except NotOpen as closed:
            self._log.warning("Closed meanwhile by its owner", symbol=held.symbol, why=str(closed))


def hears(entry: Entry) -> FlattenOrder | None:
    """What concerns the flattener: what is handed over to it, and orders to close everything."""
    return handed_over(entry) or order_for(NAME, entry)


def run(
    configuration: Configuration, settings: GateSettings, book: Path, *, log: Log, stop: threading.Event
) -> None:
    """Stands ready until `stop` is set. Raises BrokerError, ConfigError."""
    # Without the bus it cannot tell who is dead, so it leaves everything to the owners.
    settings = msgspec.structs.replace(settings, on_bus_loss="hold")
    bus = Bus(connect(settings.url, password=settings.password), settings.portfolio)
    with closing(open_broker(BrokerSetup(configuration, NAME, book, log, os.environ))) as broker:
        gate = PortfolioGate(NAME, settings=settings, hears=hears, log=log)
        flattener = Flattener(
            gate=gate,
            bus=bus,
            broker=broker,
            contracts=configuration.contracts,
            lapse_seconds=settings.worker_lost_seconds,
            log=log,
        )
        with gate:
            log.info("Flattener ready", portfolio=settings.portfolio)
            while not stop.wait(settings.heartbeat_seconds):
                flattener.look_again()
    bus.close()
