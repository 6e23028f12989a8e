"""What the children do: production coordinators, and workers whose entries rest on replicas.

A worker trades while it is told to `trade`; told to `rest`, it closes what it holds. It writes down what it
was told, and each yes that it would have sent an order on.
"""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from portfold.config import load
from portfold.coordinator.process.init_system import InitSystem
from portfold.coordinator.process.process import CoordinatorProcess
from portfold.events.legs import Holding
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError
from portfold.events.wire.presence import WantedReplicas
from portfold.log import open_log
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.kills.children import Hear, Life
from tests.kills.lives import SYMBOLS, Journal

PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.002
_REPLICATED_MS = 500
_NOT_TOLD = ("no_answer", "bus_unreachable")
_PRICE = Decimal(100)


def coordinator(name: str, url: str, portfolio: str, config: Path) -> Life:
    """The production process. Order: `stop`."""

    def live(orders: Callable[[Hear], None]) -> None:
        stop = threading.Event()
        orders(lambda _: stop.set())
        bus = Bus(connect(url, timeout_seconds=PATIENCE_SECONDS), portfolio)
        log, lines = open_log(name)
        CoordinatorProcess(
            load(str(config), {}, config), bus, clock="server", log=log, stop=stop, who=name
        ).run(InitSystem())
        lines.close()

    return live


def worker(name: str, url: str, portfolio: str, journal: Path, replicas: int) -> Life:
    """Trades through the production gate, as fast as it is answered. Orders: `trade`, `rest`, `stop`."""

    def live(orders: Callable[[Hear], None]) -> None:
        stop, trades = threading.Event(), threading.Event()

        def hear(order: str) -> None:
            if order == "trade":
                trades.set()
            else:
                trades.clear()
            if order == "stop":
                stop.set()

        orders(hear)
        settings = GateSettings(
            url=url,
            portfolio=portfolio,
            answer_seconds=PATIENCE_SECONDS,
            heartbeat_seconds=0.5,
            worker_lost_seconds=20.0,
            replicated=WantedReplicas(replicas, _REPLICATED_MS),
        )
        log, lines = open_log(name)
        desk = _Desk(Journal(journal), Random(name))
        with PortfolioGate(name, symbols=SYMBOLS, settings=settings, holdings=desk.holdings, log=log) as gate:
            while not stop.wait(_PAUSE_SECONDS):
                if trades.is_set():
                    desk.trade(gate)
                else:
                    desk.rest(gate)
            desk.rest(gate)
        lines.close()

    return live


class _Desk:
    """What one worker does, and what its broker holds for it."""

    def __init__(self, journal: Journal, random: Random) -> None:
        self._journal = journal
        self._random = random
        self._held: Holding | None = None
        self._rested = ""

    def holdings(self) -> list[Holding]:
        return [self._held] if self._held is not None else []

    def trade(self, gate: PortfolioGate) -> None:
        """Closes what it holds, else asks for room; orders only where the yes still stands."""
        self._rested = ""
        if self._held is not None:
            self._close(gate)
            return
        symbol = self._random.choice(SYMBOLS)
        decision = gate.request_entry(symbol)
        if decision.event is not None and decision.code not in _NOT_TOLD:
            self._journal.write(f"told {decision.event} {decision.code or 'allowed'} {time.monotonic_ns()}")
        if decision:
            self._enter(gate, decision)

    def rest(self, gate: PortfolioGate) -> None:
        """Closes what it holds, and says once that everything it has to say is on the log."""
        if self._held is not None:
            self._close(gate)
        elif not self._rested:
            try:
                said = gate.withdraw(SYMBOLS[0], "resting")  # behind whatever else waits to be reported
            except BusError:
                said = False
            if said:
                self._rested = "rests"
                self._journal.write(f"rests {time.monotonic_ns()}")

    def _enter(self, gate: PortfolioGate, decision: Decision) -> None:
        if not gate.standing(decision):
            gate.withdraw(decision.symbol, "it does not stand", decision=decision)
            return
        self._journal.write(f"sent {decision.event}")
        if self._random.random() < 1 / 3:
            gate.withdraw(decision.symbol, "not filled", decision=decision)
            return
        with gate.orders:
            self._held = Holding(decision.symbol, "long", 1, _PRICE)
            gate.position_opened(decision.symbol, price=_PRICE)

    def _close(self, gate: PortfolioGate) -> None:
        held = self._held
        if held is not None:
            with gate.orders:
                self._held = None
                gate.position_closed(held.symbol, price=_PRICE, pnl=0, commission=0)
