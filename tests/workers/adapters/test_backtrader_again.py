"""Backtests of one contract in several timeframes, and backtests that are run again."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import Configuration
from portfold.events.codec import RefusedField
from portfold.workers.adapters.backtrader import Bars, CannotRun, GatedBroker, backtest_broker, live_broker
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.run.in_process import InProcessPortfolio
from tests.server import EmbeddedServer
from tests.workers.adapters.backtests import Backtest, bars_of, made
from tests.workers.adapters.bt_strategies import Dips, Told
from tests.workers.adapters.cerebros import DAILY, FEEDS, HOUR, HOURLY, MONDAY, plan

pytestmark = pytest.mark.usefixtures("listen_briefly")


# --- one contract, several timeframes ---------------------------------------------------------------------


def two_timeframes(cerebro: bt.Cerebro, days: Mapping[int, float], *, live: bool = False) -> None:
    """Hourly bars that rise by a point each, and daily ones that end after so many of those, at a price."""
    closes = [float(5000 + number) for number in range(12)]
    hours = bars_of(*closes)["ES"]
    half = timedelta(minutes=30)
    dailies = [
        Bar("ES", MONDAY + number * HOUR + half, *[Decimal(str(price))] * 4) for number, price in days.items()
    ]
    cerebro.adddata(Bars(bars=dailies, live=live, timeframe=bt.TimeFrame.Days), name=DAILY)
    cerebro.adddata(Bars(bars=hours, live=live, timeframe=bt.TimeFrame.Minutes, compression=60), name=HOURLY)


def test_feeds_of_one_contract_have_one_position_and_the_price_of_the_shorter_bars(
    configuration: Configuration,
) -> None:
    """An exit given on the daily feed closes what was opened on the hourly; no daily close marks it."""
    backtest = Backtest(configuration, contracts=FEEDS)
    two_timeframes(backtest.cerebro, {1: 4000, 4: 3000, 7: 5008, 9: 5010})
    held: list[tuple[float, float]] = []

    class Timeframes(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
        def next(self) -> None:
            day, hour = self.datas
            held.append((self.getposition(day).size, self.getposition(hour).size))
            if len(hour) == 3 and not self.getposition(hour):
                self.buy(data=hour)
            if len(hour) == 6:
                self.sell(data=day)

    backtest.cerebro.addstrategy(Timeframes)
    backtest.cerebro.run()
    assert {day - hour for day, hour in held} == {0}
    assert len(backtest.said("EntryRequested")) == 1
    (opened,), (closed,) = backtest.said("PositionOpened"), backtest.said("PositionClosed")
    assert (opened["symbol"], closed["symbol"]) == ("ES", "ES")
    assert closed["price"] == "5007.75"  # the next daily open, a tick worse
    assert {Decimal(mark["price"]) for mark in backtest.said("PositionMarked")} <= set(range(5000, 5012))
    assert backtest.broker.getposition(backtest.cerebro.datas[0]).size == 0
    assert backtest.broker.getvalue() == pytest.approx(10_000 + float(Decimal(closed["pnl"])))


def test_a_resampled_feed_without_a_name_is_of_the_contract_it_was_made_of(
    configuration: Configuration,
) -> None:
    backtest = Backtest(configuration)
    hours = Bars(bars=bars_of(*range(5000, 5040))["ES"], timeframe=bt.TimeFrame.Minutes, compression=60)
    backtest.cerebro.adddata(hours, name="ES")
    backtest.cerebro.resampledata(hours, timeframe=bt.TimeFrame.Days)
    backtest.cerebro.addstrategy(Told, plan=plan(bar20=lambda s: s.buy(), bar30=lambda s: s.close()))
    (ran,) = backtest.cerebro.run()
    assert [status for _, _, status in ran.told] == ["Completed", "Completed"]
    assert [one["pnl"] for one in backtest.said("PositionClosed")] == ["470.00"]  # 9.50 x 50 - 5


def test_an_entry_on_the_daily_feed_is_filled_at_its_next_bar(configuration: Configuration) -> None:
    backtest = Backtest(configuration, contracts=FEEDS)
    two_timeframes(backtest.cerebro, {1: 4000, 4: 5000, 8: 5008, 10: 5010})

    class OnTheDay(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
        def next(self) -> None:
            if len(self.data0) == 2 and not self.getposition(self.data1):
                self.buy(data=self.data0)

    backtest.cerebro.addstrategy(OnTheDay)
    backtest.cerebro.run()
    assert [Decimal(one["price"]) for one in backtest.said("PositionOpened")] == [Decimal("5008.25")]


# --- run again --------------------------------------------------------------------------------------------


@pytest.fixture
def _tidy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Backtrader leaves its processes to the garbage collector."""
    made: list[Pool] = []

    def pool(count: int | None) -> Pool:
        made.append(get_context("fork").Pool(count))
        return made[-1]

    monkeypatch.setattr("multiprocessing.Pool", pool)
    yield
    for one in made:
        one.terminate()
        one.join()


def optimizing(configuration: Configuration, processes: int, **how: Any) -> bt.Cerebro:
    cerebro = bt.Cerebro(stdstats=False, maxcpus=processes)
    cerebro.broker = backtest_broker("bt", configuration=configuration, **how)
    market = SyntheticMarket(configuration.contracts, days=3, seed=7)
    cerebro.adddata(Bars(bars=market.bars("ES")), name="ES")
    cerebro.addanalyzer(bt.analyzers.Transactions, _name="trades")
    return cerebro


@pytest.mark.usefixtures("_tidy")
@pytest.mark.parametrize("processes", [1, 2])
def test_each_run_of_an_optimization_begins_as_the_first(
    configuration: Configuration, processes: int
) -> None:
    """Of four, two are alike: the last makes what the first made, whichever process it ran in."""
    cerebro = optimizing(configuration, processes)
    cerebro.optstrategy(Dips, below=[0.25, 0.1, 0.25], above=[0.6])
    first, other, last = (made(ran) for (ran,) in cerebro.run())
    assert len(first) > 10
    assert first == last
    assert first != other
    alone = optimizing(configuration, 1)
    alone.addstrategy(Dips, below=0.25, above=0.6)
    assert made(alone.run()[0]) == first


def test_a_second_run_makes_what_the_first_made(configuration: Configuration) -> None:
    cerebro = optimizing(configuration, 1)
    cerebro.addstrategy(Dips)
    first, second = (made(cerebro.run()[0]) for _ in range(2))
    assert len(first) > 10
    assert first == second


@pytest.mark.usefixtures("_tidy")
def test_a_shared_portfolio_is_not_taken_to_other_processes(configuration: Configuration) -> None:
    cerebro = optimizing(configuration, 2, portfolio=InProcessPortfolio.of(configuration))
    cerebro.optstrategy(Dips, below=[0.25, 0.1])
    with pytest.raises(CannotRun, match=r"portfolio: one that is shared stays in its process"):
        cerebro.run()


@pytest.mark.usefixtures("_tidy")
def test_a_live_broker_trades_in_one_run_of_one_process(
    server: EmbeddedServer, portfolio: str, configuration: Configuration, tmp_path: Path
) -> None:
    for again, sentence in (
        (False, "optstrategy: a live broker"),
        (True, "run: a live broker trades in one"),
    ):
        cerebro = bt.Cerebro(stdstats=False, maxcpus=2)
        settings = GateSettings(url=server.url, portfolio=portfolio)
        cerebro.broker = live_broker(
            "bt", ["ES"], settings=settings, configuration=configuration, book=tmp_path / "book.sqlite"
        )
        cerebro.adddata(Bars(bars=[]), name="ES")
        if again:
            cerebro.addstrategy(Dips)
            cerebro.run()
        else:
            cerebro.optstrategy(Dips, below=[0.25, 0.1])
        with pytest.raises(CannotRun, match=sentence):
            cerebro.run()


def test_parts_of_contracts_are_refused(configuration: Configuration) -> None:
    with pytest.raises(RefusedField, match=r"size: expected whole contracts of ES, got 0\.5"):
        Backtest(configuration).run(bars_of(5000, 5001), Told, plan=plan(bar2=lambda s: s.buy(size=0.5)))


def test_the_broker_itself_is_backtraders(configuration: Configuration) -> None:
    broker = Backtest(configuration).broker
    assert isinstance(broker, GatedBroker)
    assert isinstance(broker, bt.brokers.BackBroker)
    broker.set_cash(25_000)
    assert broker.getcash() == 25_000
