"""Backtrader strategies over the bus make the same trades as in a backtest."""

import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import Configuration
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.events.codec import Fields
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import open_log
from portfold.workers.adapters.backtrader import Bars, backtest_broker, live_broker
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.driven import DrivenFeed
from portfold.workers.feeds.steps import Step, steps
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.run.conductor import Conductor
from portfold.workers.run.in_process import InProcessPortfolio
from tests.live import Live, flat
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.adapters.backtests import Backtest, bars_of
from tests.workers.adapters.bt_strategies import Dips, Told
from tests.workers.adapters.cerebros import HOUR, configured, plan

pytestmark = pytest.mark.usefixtures("listen_briefly")


STRICT = {"max_positions": 2, "daily_stop_loss": 400}
WORDS = ("type", "symbol", "side", "size")
NUMBERS = ("price", "pnl", "commission", "unrealized")


@pytest.fixture(autouse=True)
def _bring_bars_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.feeds.driven._BLOCK_MS", 20)


def _between_orders(bars: Iterator[Bar | None], orders: threading.RLock) -> Iterator[Bar | None]:
    """An order to flatten comes between two bars, never within one, as in a backtest."""
    for bar in bars:
        if bar is None:
            yield None
            continue
        with orders:
            yield bar


class LiveRun:
    """A cerebro over the bus, on a thread, where a conductor hands out the bars."""

    def __init__(
        self, url: str, portfolio: str, configuration: Configuration, folder: Path, symbol: str
    ) -> None:
        self.worker = f"bt-{symbol}"
        self.ran: Any = None
        self._bus = Bus(connect(url), portfolio)
        feed = DrivenFeed(self._bus, symbol, self.worker)
        log, self._lines = open_log(self.worker, target=io.StringIO())
        self._cerebro = bt.Cerebro(stdstats=False)
        settings = GateSettings(
            url=url, portfolio=portfolio, mark_seconds=0, answer_seconds=10, worker_lost_seconds=60
        )
        self._cerebro.broker = live_broker(
            self.worker,
            [symbol],
            settings=settings,
            configuration=configuration,
            book=folder / "paper.sqlite",
            log=log,
            environment=GateEnvironment(stamp=feed.stamp),
        )
        undisturbed = _between_orders(feed.bars(), self._cerebro.broker.own_gate.orders)
        self._cerebro.adddata(Bars(bars=undisturbed, live=True), name=symbol)
        self._thread = threading.Thread(target=self._run)

    def start(self, strategy: type[bt.Strategy], **params: Any) -> None:
        self._cerebro.addstrategy(strategy, **params)
        self._thread.start()

    def _run(self) -> None:
        (self.ran,) = self._cerebro.run()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._lines.close()
        self._bus.close()


def play(
    live: Live,
    server: EmbeddedServer,
    portfolio: str,
    configuration: Configuration,
    folder: Path,
    moments: list[Step],
    strategy: type[bt.Strategy],
    **params: Any,
) -> dict[str, Any]:
    """The same bars, over the bus: a worker a symbol, a coordinator, simulated time."""
    symbols = sorted({symbol for _, bars in moments for symbol in bars})
    runs = {symbol: LiveRun(server.url, portfolio, configuration, folder, symbol) for symbol in symbols}
    conductor = Conductor(live.bus, [run.worker for run in runs.values()], check=lambda: None)
    conductor.open(moments[0][0] - HOUR)
    with coordinating(server.url, portfolio, config=configuration.source.folder, clock="driven"):
        conductor.wait_for_limits()
        for run in runs.values():
            run.start(strategy, **params)
        for moment, bars in moments:
            conductor.play(moment, bars)
        conductor.end()
        for run in runs.values():
            run.join()
        conductor.settle()
    return {symbol: run.ran for symbol, run in runs.items()}


def trades(log: Iterator[tuple[int, dict[str, str]]], *kinds: str) -> list[tuple[object, ...]]:
    """What was said, when, in all that matters."""
    return [
        (ms, *(fields.get(name) for name in WORDS), *(Decimal(fields.get(name, 0)) for name in NUMBERS))
        for ms, fields in log
        if fields["type"] in kinds
    ]


def test_the_same_strategy_on_the_same_bars_makes_the_same_trades_over_the_bus(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """Orders filled at the close, all is the same, to the cent and the millisecond: marks, stop, denials."""
    configuration = configured(tmp_path, limits=STRICT, slippage_ticks=1)
    market = SyntheticMarket(configuration.contracts, days=3, seed=7)
    moments = list(steps(market, ["ES"]))
    bars = {"ES": [step["ES"] for _, step in moments]}

    backtest = Backtest(configuration, at_close=True)
    simulated = backtest.run(bars, Dips)
    lived = play(live, server, portfolio, configuration, tmp_path, moments, Dips)

    on_the_bus = [(entry.id.ms, flat(entry)) for entry in live.events()]
    facts = ("PositionOpened", "PositionClosed", "PositionMarked", "EntryRequested")
    assert trades(iter(backtest.log), *facts) == trades(iter(on_the_bus), *facts)
    assert len(backtest.said("PositionClosed")) > 10
    assert backtest.decisions.count("StopLossTriggered") >= 1
    denied = [name for name in backtest.decisions if name == "EntryDenied"]
    assert denied
    assert (
        simulated.told.count(("ES", "Rejected")) == lived["ES"].told.count(("ES", "Rejected")) == len(denied)
    )
    status = backtest.portfolio.get_status()
    over_the_bus = live.status()
    assert f"{status['realized_pnl']:.2f}" == over_the_bus["realized_pnl"]
    assert status["current_day"] == over_the_bus["current_day"]


def test_filled_at_the_next_open_the_trades_are_the_same_but_for_the_gap(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """Backtrader's own way: the prices differ by what lies between a close and the next open, here nothing
    but one bar, and so the P&L by that."""
    configuration = configured(tmp_path, slippage_ticks=0)
    bars = bars_of(5000, 5001, 5002, 5010, 5020, 5020)
    gap = bars["ES"][2]
    bars["ES"][2] = Bar("ES", gap.time, Decimal("5001.75"), gap.high, gap.low, gap.close)  # opens 0.75 higher
    acts = plan(bar2=lambda s: s.buy(), bar4=lambda s: s.close())

    backtest = Backtest(configuration)
    backtest.run(bars, Told, plan=acts)
    moments = [(bar.time, {"ES": bar}) for bar in bars["ES"]]
    play(live, server, portfolio, configuration, tmp_path, moments, Told, plan=acts)

    kinds = ("PositionOpened", "PositionClosed")
    simulated, lived = backtest.said(*kinds), [flat(entry) for entry in live.events()]
    lived = [fields for fields in lived if fields["type"] in kinds]
    assert [one["price"] for one in simulated] == ["5001.75", "5010"]
    assert [Decimal(one["price"]) for one in lived] == [5001, 5010]
    assert [Decimal(each[1]["pnl"]) for each in (simulated, lived)] == [Decimal("407.5"), 445]


@pytest.mark.parametrize("at_close", [False, True])
def test_an_order_given_on_the_very_last_bar_is_never_filled(
    configuration: Configuration, *, at_close: bool
) -> None:
    backtest = Backtest(configuration, at_close=at_close)
    backtest.run(bars_of(5000, 5001, 5002), Told, plan=plan(bar3=lambda s: s.buy()))
    assert backtest.said("PositionOpened") == []


def test_what_a_backtest_decided_can_be_decided_again(configuration: Configuration) -> None:
    """Its log is one like any other: followed from the beginning, it gives the same decisions and chain."""
    entries: list[tuple[Fields, Decided]] = []
    portfolio = InProcessPortfolio.of(
        configuration, record=lambda fields, decided: entries.append((fields, decided))
    )
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = backtest_broker("bt", portfolio=portfolio, configuration=configuration)
    market = SyntheticMarket(configuration.contracts, days=2, seed=1)
    for symbol in ("ES", "CL"):
        cerebro.adddata(Bars(bars=market.bars(symbol)), name=symbol)
    cerebro.addstrategy(Dips)
    cerebro.run()
    follower = Follower()
    for fields, decided in entries:
        again = follower.advance(decided.at, fields)
        assert (again.entries, again.chain) == (decided.entries, decided.chain)
    assert len(entries) > 50
