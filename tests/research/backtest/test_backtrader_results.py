"""A Backtrader run leaves a folder of results, which simulate reads: each closed trade, to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import backtrader as bt
import pytest

from portfold.cli.exits import OK
from portfold.exchange_time import utc
from portfold.research.backtest.backtrader_results import ResultsFolder
from portfold.research.errors import ResearchError
from portfold.research.trades.results_folder import read_results
from portfold.workers.adapters.backtrader import Bars
from portfold.workers.feeds.bar import Bar
from tests.cli.command_line import called

BEGINS = datetime(2025, 1, 6, 15, tzinfo=UTC)
CLOSES = ("5000", "5001", "5002", "5010", "5010.25", "5004", "5003", "5002")


class AsPlanned(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
    """Buys one and one more, sells both; is short, and turns; what is open at the end is no trade."""

    def next(self) -> None:
        {1: self.buy, 2: self.buy, 4: self.close, 5: self.sell, 6: self._turn}.get(len(self), _nothing)()

    def _turn(self) -> None:
        self.buy(size=2)


def _nothing() -> None:
    """On the other bars."""


class OfHalves(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
    """Buys one and a half."""

    def next(self) -> None:
        if len(self) == 1:
            self.buy(size=1.5)


def run(folder: Path, name: str = "ES", *, traded_by: type = AsPlanned, watched: tuple[str, ...] = ()) -> Any:
    """At the next open, $2.50 a contract and side, $50 a point; `watched` are data that are not traded."""
    prices = [Decimal(close) for close in CLOSES]
    bars = [
        Bar("ES", BEGINS + number * timedelta(hours=1), price, price, price, price)
        for number, price in enumerate(prices)
    ]
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(1_000_000)
    cerebro.broker.setcommission(commission=2.5, mult=50, margin=1000)
    for each in (name, *watched):
        cerebro.adddata(Bars(bars=bars), name=each)
    cerebro.addstrategy(traded_by)
    cerebro.addanalyzer(ResultsFolder, folder=str(folder), _name="results")
    (ran,) = cerebro.run()
    return ran.analyzers.results.get_analysis()


def test_each_closed_trade_is_a_row_and_simulate_takes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    assert run(folder) == {"ES": 2}
    [symbol] = read_results(folder, zone=ZoneInfo("America/Chicago")).symbols
    long, short = symbol.trades
    # 1 at 5001 and 1 at 5002, both sold at 5010.25: (9.25 + 8.25) * 50 - 4 * 2.50
    assert (long.side, long.size, long.entry_price, long.pnl) == ("long", 2, Decimal("5001.5"), Decimal(865))
    assert (utc(long.entry_ms), utc(long.exit_ms)) == (
        BEGINS + timedelta(hours=1),
        BEGINS + timedelta(hours=4),
    )
    # sold at 5004, back at 5003
    assert (short.side, short.size, short.pnl) == ("short", 1, Decimal(45))
    assert (short.entry_price, short.exit_price) == (Decimal(5004), Decimal(5003))
    ran = called("research", "simulate", "--results-dir", "results", cwd=tmp_path)
    assert ran.code == OK, ran.err
    assert "2 trades of ES in results." in ran.out


def test_a_feed_that_is_named_by_no_symbol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match="expected name= to be a symbol such as ES, got 'S&P 500'"):
        run(tmp_path, name="s&p 500")


def test_data_that_made_no_trade_leaves_no_file_of_an_earlier_run(tmp_path: Path) -> None:
    assert run(tmp_path, name="NQ") == {"NQ": 2}
    assert run(tmp_path, watched=("NQ", "VIX 30 days")) == {"ES": 2, "NQ": 0}
    read = read_results(tmp_path, zone=ZoneInfo("America/Chicago"))
    assert [one.symbol for one in read.symbols] == ["ES"]
    [said] = read.bad
    assert "NQ_rf_best_trades.csv: expected trades, got 0 rows" in said


def test_a_part_of_a_contract_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ResearchError, match=r"ES: size: expected whole contracts, got a fill of 1\.5\."):
        run(tmp_path, traded_by=OfHalves)
    assert not list(tmp_path.iterdir())
