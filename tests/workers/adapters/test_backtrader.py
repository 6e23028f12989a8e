"""Backtrader strategies behind the gate: in a backtest, and over the bus, with the same trades."""

import io
import os
import subprocess
import sys
import threading
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
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.events.codec import Fields, RefusedField
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from portfold.workers.adapters.backtrader import Bars, CannotRun, GatedBroker, backtest_broker, live_broker
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.driven import DrivenFeed
from portfold.workers.feeds.steps import Step, steps
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.run.conductor import Conductor
from portfold.workers.run.in_process import InProcessPortfolio
from tests.live import Live, flat
from tests.processes import ROOT, coordinating
from tests.workers.adapters.bt_strategies import Dips, Told
from tests.workers.adapters.cerebros import DAILY, FEEDS, HOUR, HOURLY, MONDAY, configured, plan

STRICT = {"max_positions": 2, "daily_stop_loss": 400}
WORDS = ("type", "symbol", "side", "size")
NUMBERS = ("price", "pnl", "commission", "unrealized")


class Backtest:
    """A cerebro within a portfolio of its own, and the log of that."""

    def __init__(self, configuration: Configuration, **how: Any) -> None:
        self.log: list[tuple[int, dict[str, str]]] = []
        self.decisions: list[str] = []
        self.portfolio = InProcessPortfolio.of(configuration, record=self._record)
        log, self._lines = open_log("backtest", target=io.StringIO())
        self.broker = backtest_broker(
            "bt", portfolio=self.portfolio, configuration=configuration, log=log, **how
        )
        self.cerebro = bt.Cerebro(stdstats=False)
        self.cerebro.broker = self.broker

    def _record(self, fields: Fields, decided: Decided) -> None:
        self.log.append((decided.at.ms, dict(zip(fields[::2], fields[1::2], strict=True))))
        self.decisions += [entry[1] for _, entry in decided.entries]

    def run(self, bars: Mapping[str, list[Bar]], strategy: type[bt.Strategy], **params: Any) -> Any:
        for symbol, own in bars.items():
            self.cerebro.adddata(Bars(bars=own), name=symbol)
        self.cerebro.addstrategy(strategy, **params)
        (ran,) = self.cerebro.run()
        self._lines.close()
        return ran

    def said(self, *kinds: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.log if fields["type"] in kinds]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return configured(tmp_path, slippage_ticks=1)


def bars_of(*closes: float, symbol: str = "ES") -> dict[str, list[Bar]]:
    """Hourly bars, each of which opens where the one before it closed."""
    prices = [Decimal(str(close)) for close in closes]
    opens = [prices[0], *prices]
    made = []
    for number, (opened, closed) in enumerate(zip(opens, prices, strict=False)):
        low, high = min(opened, closed), max(opened, closed)
        made.append(Bar(symbol, MONDAY + number * HOUR, opened, high, low, closed))
    return {symbol: made}


# --- in a backtest ---------------------------------------------------------------------------------------


def test_a_fill_is_reported_at_the_price_and_cost_of_its_contract(configuration: Configuration) -> None:
    backtest = Backtest(configuration)
    ran = backtest.run(
        bars_of(5000, 5001, 5002, 5010, 5020),
        Told,
        plan=plan(bar2=lambda s: s.buy(), bar4=lambda s: s.close()),
    )
    opened, closed = backtest.said("PositionOpened", "PositionClosed")
    assert (opened["side"], opened["size"]) == ("long", "1")
    assert opened["price"] == "5001.25"  # the next open, a tick worse
    assert closed["price"] == "5009.75"
    assert Decimal(closed["commission"]) == 5
    assert Decimal(closed["pnl"]) == 420  # 8.50 x 50 - 5
    assert ran.told == [(3, "Buy", "Completed"), (5, "Sell", "Completed")]
    assert backtest.portfolio.get_status()["daily_pnl"] == 420.0
    assert backtest.broker.getcash() == pytest.approx(10_000 + 420)
    assert not {"LimitBreached", "PnlDisputed", "EventRejected"}.intersection(backtest.decisions)


def test_a_fill_is_reported_at_the_time_of_the_bar_it_was_ordered_on(configuration: Configuration) -> None:
    backtest = Backtest(configuration)
    backtest.run(bars_of(5000, 5001, 5002), Told, plan=plan(bar2=lambda s: s.buy()))
    ((ms, _),) = [entry for entry in backtest.log if entry[1]["type"] == "PositionOpened"]
    assert ms == (MONDAY + HOUR).timestamp() * 1000
    assert "EntryExpired" not in backtest.decisions


def test_a_denied_entry_comes_back_rejected_with_the_reason(tmp_path: Path) -> None:
    backtest = Backtest(configured(tmp_path, limits={"symbols": ["CL"]}))
    ran = backtest.run(bars_of(5000, 5001, 5002), Told, plan=plan(bar2=lambda s: s.buy()))
    assert ran.told == [(3, "Buy", "Rejected")]
    assert ran.reasons == ["ES is not in the portfolio: CL"]
    assert backtest.said("PositionOpened") == []


def test_exits_never_ask(configuration: Configuration) -> None:
    backtest = Backtest(configuration)
    halted: list[str] = []

    def halt(strategy: Any) -> None:
        from portfold.events.incoming import TradingHalted  # noqa: PLC0415

        backtest.portfolio.say(TradingHalted(by="ann", reason="news"))
        strategy.close()
        halted.append("yes")

    ran = backtest.run(
        bars_of(5000, 5001, 5002, 5003, 5004), Told, plan=plan(bar2=lambda s: s.buy(), bar3=halt)
    )
    assert halted
    assert [status for _, _, status in ran.told] == ["Completed", "Completed"]
    assert len(backtest.said("EntryRequested")) == 1


def test_a_reversal_only_closes(configuration: Configuration) -> None:
    backtest = Backtest(configuration)
    acts = plan(bar2=lambda s: s.buy(), bar3=lambda s: s.sell(size=2), bar5=lambda s: s.sell())
    backtest.run(bars_of(5000, 5001, 5002, 5003, 5004, 5005, 5006), Told, plan=acts)
    trades = [
        (one["type"], one["side"], one["size"]) for one in backtest.said("PositionOpened", "PositionClosed")
    ]
    assert trades == [
        ("PositionOpened", "long", "1"),
        ("PositionClosed", "long", "1"),
        ("PositionOpened", "short", "1"),
    ]


def test_close_and_buy_on_one_bar_is_no_way_around_the_gate(configuration: Configuration) -> None:
    def turn(strategy: Any) -> None:
        strategy.close()
        strategy.sell()

    backtest = Backtest(configuration)
    ran = backtest.run(
        bars_of(5000, 5001, 5002, 5003, 5004), Told, plan=plan(bar2=lambda s: s.buy(), bar3=turn)
    )
    assert ran.reasons == ["ES is already in a position: long 1 by bt"]
    assert ran.position.size == 0


def test_a_protective_stop_given_with_the_entry_is_an_exit(configuration: Configuration) -> None:
    def enter(strategy: Any) -> None:
        strategy.buy()
        strategy.sell(exectype=bt.Order.Stop, price=4995)

    backtest = Backtest(configuration)
    backtest.run(bars_of(5000, 5001, 5002, 4990, 4990), Told, plan=plan(bar2=enter))
    assert len(backtest.said("EntryRequested")) == 1
    (closed,) = backtest.said("PositionClosed")
    assert closed["price"] == "4994.75"


def test_a_brackets_children_do_not_ask_and_are_nothing_without_their_parent(tmp_path: Path) -> None:
    bracket = plan(bar2=lambda s: s.buy_bracket(exectype=bt.Order.Market, stopprice=4990, limitprice=5005))
    prices = bars_of(5000, 5001, 5002, 5010, 5010)
    allowed = Backtest(configured(tmp_path / "allowed"))
    allowed.run(prices, Told, plan=bracket)
    assert [one["price"] for one in allowed.said("PositionClosed")] == ["5005"]
    assert len(allowed.said("EntryRequested")) == 1

    denied = Backtest(configured(tmp_path / "denied", limits={"symbols": ["CL"]}))
    ran = denied.run(prices, Told, plan=bracket)
    assert [status for _, _, status in ran.told] == ["Rejected"] * 3
    assert denied.said("PositionOpened") == []


@pytest.mark.parametrize(
    ("order", "far", "price"),
    [
        ({"exectype": bt.Order.Limit, "price": 4000}, 3990.0, "4000"),
        ({"exectype": bt.Order.Stop, "price": 5100}, 5110.0, "5100.25"),
    ],
)
def test_an_entry_that_is_filled_bars_later_keeps_its_slot(
    configuration: Configuration, order: dict[str, Any], far: float, price: str
) -> None:
    """Hours later, when a slot lasts half a minute, as live and in the drop-in."""
    backtest = Backtest(configuration)
    slots: list[object] = []

    def look(_: Any) -> None:
        slots.append(backtest.portfolio.get_status()["slots_used"])

    acts = plan(bar2=lambda s: s.buy(**order), bar3=look, bar5=look)
    ran = backtest.run(bars_of(5000, 5001, 5002, 5003, 5004, far, far), Told, plan=acts)
    assert [told[1:] for told in ran.told] == [("Buy", "Completed")]
    assert [Decimal(one["price"]) for one in backtest.said("PositionOpened")] == [Decimal(price)]
    assert slots == [1, 1]
    assert not {"LimitBreached", "EventRejected", "EntryDenied"}.intersection(backtest.decisions)


def test_an_entry_that_still_rests_when_the_backtest_is_over_gives_its_slot_back(
    configuration: Configuration,
) -> None:
    backtest = Backtest(configuration)
    acts = plan(bar2=lambda s: s.buy(exectype=bt.Order.Limit, price=4000))
    backtest.run(bars_of(5000, 5001, 5002, 5003), Told, plan=acts)
    assert [one["reason"] for one in backtest.said("EntryWithdrawn")] == ["the backtest is over"]
    assert backtest.portfolio.get_status()["slots_used"] == 0


def test_a_stop_takes_the_slot_of_a_resting_entry_back(tmp_path: Path) -> None:
    """And the entry with it: nothing opens on the way down."""
    from portfold.events.incoming import FlattenRequested, TradingResumed  # noqa: PLC0415

    backtest = Backtest(configured(tmp_path, slippage_ticks=0))

    def stop(_: Any) -> None:
        backtest.portfolio.say(FlattenRequested(by="ann", reason="news"))
        backtest.portfolio.say(TradingResumed(by="ann", reason="over"))

    acts = plan(bar2=lambda s: s.buy(exectype=bt.Order.Limit, price=4000), bar4=stop)
    ran = backtest.run(bars_of(5000, 5001, 5002, 5003, 5004, 3990, 3990), Told, plan=acts)
    assert [told[1:] for told in ran.told] == [("Buy", "Canceled")]
    assert backtest.said("PositionOpened") == []
    assert backtest.portfolio.get_status()["slots_used"] == 0


def test_an_entry_that_is_cancelled_gives_its_slot_back(configuration: Configuration) -> None:
    def change_its_mind(strategy: Any) -> None:
        strategy.cancel(strategy.buy())

    acts = plan(bar2=change_its_mind, bar3=lambda s: s.buy())
    backtest = Backtest(configuration)
    backtest.cerebro.broker.set_checksubmit(False)
    ran = backtest.run(bars_of(5000, 5001, 5002, 5003), Told, plan=acts)
    assert [one["reason"] for one in backtest.said("EntryWithdrawn")] == ["Canceled"]
    assert ran.position.size == 1


def test_the_stop_closes_at_the_market_and_cancels_what_else_is_under_way(tmp_path: Path) -> None:
    def enter(strategy: Any) -> None:
        strategy.buy()
        strategy.sell(exectype=bt.Order.Stop, price=4000)

    backtest = Backtest(configured(tmp_path, limits={"daily_stop_loss": 400}, slippage_ticks=0))
    acts = plan(bar2=enter, bar5=lambda s: s.buy())
    ran = backtest.run(bars_of(5000, 5001, 5000, 4990, 4985, 4984, 3000, 3000), Told, plan=acts)
    (closed,) = backtest.said("PositionClosed")
    assert closed["price"] == "4990"  # the next open after the mark that triggered it
    assert backtest.decisions.count("StopLossTriggered") == backtest.decisions.count("PortfolioFlat") == 1
    assert ran.told == [
        (3, "Buy", "Completed"),
        (4, "Sell", "Canceled"),
        (5, "Sell", "Completed"),
        (6, "Buy", "Rejected"),
    ]
    assert ran.position.size == 0


def test_own_costs_of_a_contract_are_kept(configuration: Configuration) -> None:
    backtest = Backtest(configuration)
    backtest.cerebro.broker.setcommission(commission=1.0, margin=500, mult=50, name="ES")
    backtest.run(
        bars_of(5000, 5001, 5002, 5010, 5020),
        Told,
        plan=plan(bar2=lambda s: s.buy(), bar4=lambda s: s.close()),
    )
    assert [Decimal(one["commission"]) for one in backtest.said("PositionClosed")] == [2]


def test_several_cerebros_can_share_one_portfolio(tmp_path: Path) -> None:
    """One after the other, as Backtrader runs them: what the first has lost counts for the second."""
    shared = InProcessPortfolio.of(configured(tmp_path, limits={"daily_stop_loss": 400}, slippage_ticks=0))
    rejected = []
    for worker in ("first", "second"):
        cerebro = bt.Cerebro(stdstats=False)
        own = configured(tmp_path / worker, slippage_ticks=0)
        cerebro.broker = backtest_broker(worker, portfolio=shared, configuration=own)
        cerebro.adddata(Bars(bars=bars_of(5000, 5001, 4980, 4980)["ES"]), name="ES")
        cerebro.addstrategy(Told, plan=plan(bar2=lambda s: s.buy()))
        rejected += cerebro.run()[0].reasons
    assert len(rejected) == 1
    assert rejected[0].startswith("Stopped out")


@pytest.mark.parametrize("name", ["", "XX", "es"])
def test_a_feed_that_is_not_named_by_a_symbol_is_refused(configuration: Configuration, name: str) -> None:
    backtest = Backtest(configuration)
    with pytest.raises(RefusedField, match="name: expected a feed named by a symbol"):
        backtest.run({name: bars_of(5000)["ES"]}, Told, plan={})


def test_a_program_whose_feed_is_refused_ends_with_the_sentence_and_no_traceback(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import backtrader as bt\n"
        "from portfold.workers.adapters.backtrader import Bars, backtest_broker\n"
        "cerebro = bt.Cerebro()\n"
        "cerebro.broker = backtest_broker()\n"
        "cerebro.adddata(Bars(bars=[]), name='6N_hour')\n"
        "cerebro.run()\n"
    )
    ran = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert 'got \'6N_hour\'; or say whose it is: contracts={"6N_hour": "6N"}' in ran.stderr


def test_a_mapping_to_no_contract_is_refused(configuration: Configuration) -> None:
    with pytest.raises(CannotRun, match=r"contracts: '6N_day': expected one of .*, got '6X'"):
        backtest_broker(configuration=configuration, contracts={"6N_day": "6X"})


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


def made(ran: Any) -> dict[Any, Any]:
    return dict(ran.analyzers.trades.get_analysis())


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


# --- and over the bus ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
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
            stamp=feed.stamp,
        )
        undisturbed = _between_orders(feed.bars(), self._cerebro.broker._gate.orders)
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
    configuration: Configuration, at_close: bool
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
