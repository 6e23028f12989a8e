"""Backtrader strategies behind the gate in a backtest: what the limits do to their trades."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import Configuration
from portfold.events.codec import RefusedField
from portfold.workers.adapters.backtrader import Bars, CannotRun, backtest_broker
from portfold.workers.run.in_process import InProcessPortfolio
from tests.processes import ROOT
from tests.workers.adapters.backtests import Backtest, bars_of
from tests.workers.adapters.bt_strategies import Told
from tests.workers.adapters.cerebros import HOUR, MONDAY, configured, plan

pytestmark = pytest.mark.usefixtures("listen_briefly")


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

        backtest.portfolio.fold(TradingHalted(by="ann", reason="news"))
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
        backtest.portfolio.fold(FlattenRequested(by="ann", reason="news"))
        backtest.portfolio.fold(TradingResumed(by="ann", reason="over"))

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
