"""Gates for a test, on a real server, and what they said."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portfold.events.legs import Holding
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.live import Live
from tests.server import EmbeddedServer
from tests.waiting import until


class Gates:
    """Makes gates for a test, and closes them with it."""

    def __init__(self, url: str, portfolio: str) -> None:
        self._settings: dict[str, Any] = {
            "url": url,
            "portfolio": portfolio,
            "heartbeat_seconds": 0.05,
            "worker_lost_seconds": 60.0,
            "answer_seconds": 5.0,
        }
        self._open: list[PortfolioGate] = []
        self.said = io.StringIO()
        self._log, self._lines = open_log("worker", target=self.said)

    def __call__(
        self,
        worker: str = "ibs-ES",
        *,
        holdings: Callable[[], list[Holding]] = list,
        callbacks: tuple[Callable[[FlattenOrder], None], ...] = (),
        **settings: Any,
    ) -> PortfolioGate:
        """A gate that has been started."""
        gate = PortfolioGate(
            worker,
            symbols=["ES"],
            settings=GateSettings(**(self._settings | settings)),
            holdings=holdings,
            log=self._log,
        )
        for callback in callbacks:
            gate.on_flatten(callback)
        self._open.append(gate)
        return gate.start()

    def close(self, gate: PortfolioGate, reason: str = "") -> None:
        self._open.remove(gate)
        gate.close(reason)

    def end(self) -> None:
        for gate in list(self._open):
            self.close(gate)
        self._lines.close()

    def logged(self, text: str) -> dict[str, Any]:
        """Waits for a line of the workers' log."""

        def look() -> dict[str, Any] | None:
            lines = [json.loads(line) for line in self.said.getvalue().splitlines()]
            return next((line for line in lines if text in line["event"]), None)

        return until(look, f"{text!r} in a worker's log")


@contextmanager
def own_server(folder: Path, portfolio: str, client: Any) -> Iterator[tuple[EmbeddedServer, Gates, Live]]:
    """A server to stop and to kill, with gates and a view of the portfolio on it."""
    with EmbeddedServer(folder) as server:
        gates, bus = Gates(server.url, portfolio), Bus(connect(server.url), portfolio)
        try:
            yield server, gates, Live(bus, client)
        finally:
            gates.end()
            bus.close()


def withdrawn(live: Live) -> list[str]:
    """Why slots were given back, so far."""
    return [fields.get("reason", "") for fields in live.said("EntryWithdrawn")]


class Strategy:
    """Remembers what it was told; with `closes` reports all of it closed, unless the broker fails."""

    def __init__(self, *, closes: bool = False, failing: int = 0) -> None:
        self.orders: list[FlattenOrder] = []
        self.threads: list[str] = []
        self.gate: PortfolioGate | None = None
        self._closes = closes
        self._failing = failing

    def __call__(self, order: FlattenOrder) -> None:
        self.threads.append(threading.current_thread().name)
        self.orders.append(order)
        if len(self.orders) <= self._failing:
            raise RuntimeError("the broker is closed")
        if not self._closes:
            return
        gate = until(lambda: self.gate, "the gate")  # an order may come before its start has returned
        for leg in order.positions:
            gate.position_closed(leg.symbol, leg.side, leg.size, price="100", pnl="-5", commission="5")
