"""Cerebros that trade live, over the bus, on a thread; their bars end when a test lets them."""

import io
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import Configuration, load
from portfold.log import open_log
from portfold.workers.adapters.backtrader import Bars, live_broker
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from tests.processes import config_folder
from tests.workers.adapters.bt_strategies import Told

MONDAY = datetime(2025, 1, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY, DAILY = "ES_hour", "ES_day"
FEEDS = {HOURLY: "ES", DAILY: "ES"}


def configured(folder: Path, limits: Any = None, **runtime: Any) -> Configuration:
    return load(str(config_folder(folder / "config", limits=limits, runtime=runtime)), {}, folder)


def plan(**acts: Callable[[Any], Any]) -> dict[int, Callable[[Any], Any]]:
    """`bar2=...`: what to do on the second bar."""
    return {int(name[3:]): act for name, act in acts.items()}


OWN_BROKER = """
from portfold.workers.brokers.paper import PaperBroker


def open_own(setup):
    return PaperBroker(setup.book, setup.owner, setup.configuration.contracts)
"""


def with_money(folder: Path) -> dict[str, Any]:
    """Of runtime.json: a broker of the user's own, which is taken for a real one, and fills as on paper."""
    (folder / "own.py").write_text(OWN_BROKER)
    return {"broker": {"kind": f"{folder / 'own.py'}:open_own"}}


class Silence:
    """While `on`, no broker on paper can say what is held, or what was closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on = False
        self.asked = 0
        for name in ("positions", "unreported_exits"):
            monkeypatch.setattr(PaperBroker, name, self._instead_of(getattr(PaperBroker, name)))

    def _instead_of(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def asked(broker: PaperBroker, *words: Any) -> Any:
            if self.on:
                self.asked += 1
                raise BrokerError("Who knows")
            return method(broker, *words)

        return asked


class Market:
    """Bars as a test lets them end."""

    def __init__(self) -> None:
        self._bars: queue.Queue[Bar | None] = queue.Queue()
        self._number = 0

    def ends(self, price: float, at: datetime | None = None) -> None:
        """A bar ends at `price`; by default an hour after the one before, long ago."""
        exact = Decimal(str(price))
        self._number += 1
        self._bars.put(Bar("ES", at or MONDAY + self._number * HOUR, exact, exact, exact, exact))

    def closes(self) -> None:
        """There are no more bars."""
        self._bars.put(None)

    def bars(self) -> Iterator[Bar | None]:
        while True:
            try:
                bar = self._bars.get(timeout=0.01)
            except queue.Empty:
                yield None
                continue
            if bar is None:
                return
            yield bar


class Trading:
    """A cerebro that trades live, by the server's clock, on a thread."""

    def __init__(
        self,
        url: str,
        portfolio: str,
        folder: Path,
        acts: dict[int, Callable[[Any], Any]],
        *,
        name: str = "ES",
        more: Mapping[str, list[Bar]] | None = None,
        runtime: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> None:
        """`how` is that of the broker; with `daily` the first feed's bars are days."""
        daily = how.pop("daily", False)
        self.market = Market()
        self.said = io.StringIO()
        self.strategy: Any = None
        log, self._lines = open_log("bt-ES", target=self.said)
        self.broker = live_broker(
            "bt-ES",
            ["ES"],
            settings=GateSettings(url=url, portfolio=portfolio, answer_seconds=10, worker_lost_seconds=60),
            configuration=configured(folder, slippage_ticks=0, **(runtime or {})),
            book=folder / "paper.sqlite",
            log=log,
            contracts=FEEDS,
            **how,
        )
        self._cerebro = bt.Cerebro(stdstats=False, quicknotify=True)  # tells strategies between bars as well
        self._cerebro.broker = self.broker
        hourly = {"timeframe": bt.TimeFrame.Minutes, "compression": 60}
        length = {} if daily else hourly
        self._cerebro.adddata(Bars(bars=self.market.bars(), live=True, **length), name=name)
        for other, bars in (more or {}).items():
            self._cerebro.adddata(Bars(bars=bars, timeframe=bt.TimeFrame.Days), name=other)
        self.told: list[tuple[int, str, str]] = []
        self._cerebro.addstrategy(Told, plan=acts, told=self.told)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        (self.strategy,) = self._cerebro.run()

    def end(self) -> Any:
        self.market.closes()
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._lines.close()
        return self.strategy
