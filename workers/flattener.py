"""The flattener: closes what a dead worker left open, by its own way to the broker, and reports it.

It acts on what the coordinator hands over; when everything is to be closed, also for whoever gives no sign
of life. Where the dead worker had closed at the broker and died before saying so, it reports that very fill.
Of two who close the same contracts the broker lets one succeed, and a fill reported twice is folded once.
"""

import threading
from collections.abc import Mapping
from pathlib import Path

from config import Configuration, Contract
from coordinator.log import Log
from events.bus import Bus, Entry
from events.connection import connect
from workers.brokers.paper import PaperBroker
from workers.brokers.protocol import Broker, BrokerPosition, NotOpen
from workers.flatten_order import FlattenOrder, handed_over, order_for
from workers.gate import PortfolioGate
from workers.reporting import report_exit
from workers.settings import GateSettings

NAME = "flattener"


class Flattener:
    """Closes orphaned positions at `broker`, and reports through `gate`."""

    def __init__(
        self, *, gate: PortfolioGate, bus: Bus, broker: Broker, contracts: Mapping[str, Contract], log: Log
    ) -> None:
        self._gate = gate
        self._bus = bus
        self._broker = broker
        self._contracts = contracts
        self._log = log
        gate.on_flatten(self.flatten)

    def flatten(self, order: FlattenOrder) -> None:
        """Closes the legs that were handed over; where everything must go, all of those who are silent."""
        if order.everything:
            self._close_orphans(order.cause)
            return
        for leg in order.positions:
            for held in self._broker.positions(leg.worker):
                if (held.symbol, held.side) == (leg.symbol, leg.side):
                    self._close(held, order.cause)
            self._report(leg.worker, leg.symbol, order.cause)

    def _close_orphans(self, cause: str) -> None:
        """Closes, and reports, whatever belongs to workers whose heartbeat is gone."""
        held = self._broker.positions()
        unreported = self._broker.unreported_exits()
        owners = sorted({position.owner for position in held} | {fill.owner for fill in unreported})
        silent = {owner for owner, beat in zip(owners, self._bus.beats(owners), strict=True) if not beat}
        for position in held:
            if position.owner in silent:
                self._close(position, cause)
        for fill in unreported:
            if fill.owner in silent:
                self._report(fill.owner, fill.symbol, cause)

    def _close(self, held: BrokerPosition, cause: str) -> None:
        try:
            self._broker.exit(held.symbol, held.side, held.size, None, owner=held.owner)
        except NotOpen as closed:
            self._log.warning("Closed meanwhile by its owner", symbol=held.symbol, why=str(closed))
        self._report(held.owner, held.symbol, cause)

    def _report(self, owner: str, symbol: str, cause: str) -> None:
        """Reports every fill of the owner's in the symbol that nobody has reported yet."""
        for fill in self._broker.unreported_exits(owner):
            if fill.symbol == symbol:
                self._log.warning("Reporting a close", symbol=symbol, owner=owner, fill=fill.fill_id)
                report_exit(self._gate, self._broker, self._contracts[symbol], fill, cause)


def hears(entry: Entry) -> FlattenOrder | None:
    """What concerns the flattener: what is handed over to it, and orders to close everything."""
    return handed_over(entry) or order_for(NAME, entry)


def run(
    configuration: Configuration, settings: GateSettings, book: Path, *, log: Log, stop: threading.Event
) -> None:
    """Stands ready until `stop` is set. Raises BrokerError, ConfigError."""
    runtime = configuration.runtime
    bus = Bus(connect(settings.url, password=settings.password), settings.portfolio)
    with PaperBroker(
        book,
        NAME,
        configuration.contracts,
        slippage_ticks=runtime.slippage_ticks,
        commission_per_side=runtime.commission_per_side,
    ) as broker:
        gate = PortfolioGate(NAME, settings=settings, hears=hears, log=log)
        Flattener(gate=gate, bus=bus, broker=broker, contracts=configuration.contracts, log=log)
        with gate:
            log.info("Flattener ready", portfolio=settings.portfolio)
            stop.wait()
    bus.close()
