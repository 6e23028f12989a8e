"""A flattener at its desk: a broker with moods, and orders to close."""

import io
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.legs import Leg
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.brokers.order import ExitFill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.flattener import NAME, Flattener, Within
from tests.costs import costing
from tests.server import EmbeddedServer
from tests.set_clock import SetClock

LAPSE_SECONDS = 5.0


class MoodyBroker(PaperBroker):
    """Refuses to close some symbols, hangs over others, and closes one contract of some."""

    closes_one_of: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    hangs: frozenset[str] = frozenset()

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.answers = threading.Event()

    def exit(self, symbol: str, *order: object, **owner: object) -> OrderOutcome[ExitFill]:
        if symbol in self.refuses:
            raise BrokerError(f"{symbol} is limit down")
        if symbol in self.hangs:
            assert self.answers.wait(60)
        if symbol in self.closes_one_of:
            side, size, *more = order
            part = super().exit(symbol, side, 1, *more, **owner)  # type: ignore[arg-type]  # as it was given
            return OrderOutcome(size, "cancelled", part.fills)  # type: ignore[arg-type]
        return super().exit(symbol, *order, **owner)  # type: ignore[arg-type]  # as it was given


class Desk:
    """A flattener with a broker, a bus and a clock of the test's own; its gate reports and never listens."""

    def __init__(
        self, folder: Path, server: EmbeddedServer, bus: Bus, kind: type[MoodyBroker] = MoodyBroker
    ) -> None:
        contracts = load(str(PACKAGED), {}, folder).contracts
        self.bus = bus
        self.clock = SetClock()
        self.broker = kind(folder / "book.sqlite", NAME, costing(contracts))
        self.logged = io.StringIO()
        self.log, self.lines = open_log(NAME, target=self.logged)
        settings = GateSettings(url=server.url, portfolio=bus.keys.name)
        self.gate = PortfolioGate(NAME, settings=settings, log=self.log)
        self.flattener = Flattener(
            gate=self.gate,
            bus=bus,
            broker=self.broker,
            contracts=contracts,
            within=Within(LAPSE_SECONDS, exit_seconds=0.5),
            log=self.log,
            clock=self.clock,
        )

        self.book, self.contracts = folder / "book.sqlite", costing(contracts)
        for symbol in ("CL", "ES", "SI"):  # each held by the worker that is called after it
            self.enters(symbol)

    def enters(self, symbol: str, price: int = 100) -> None:
        with PaperBroker(self.book, f"ibs-{symbol}", self.contracts) as owner:
            owner.enter(symbol, "long", 1, Decimal(price))

    def held(self) -> list[str]:
        return [held.symbol for held in self.broker.positions()]

    def close(self) -> None:
        self.gate.close()
        self.broker.close()
        self.lines.close()


EVERYTHING = FlattenOrder("an episode", ORIGIN, "the stop", everything=True)


def handed_over(*symbols: str) -> FlattenOrder:
    legs = tuple(Leg(symbol, "long", 1, f"ibs-{symbol}") for symbol in symbols)
    return FlattenOrder("an episode", ORIGIN, "flatten handed over", everything=False, positions=legs)
