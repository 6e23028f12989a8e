"""Examples for a filter: what the worker would have done, known and made, signal by signal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from portfold.config import Configuration, ConfiguredBroker, load
from portfold.config.strategies.ibs import IbsParameters
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.filter.examples import Examples, examples_of
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.filters.features import HISTORY, FeatureHistory
from tests.processes import config_folder

START = datetime(2025, 1, 6, 15, tzinfo=UTC)
LOW, MIDDLE, HIGH = "5000", "5005", "5010"


def configured(fill_at: str = "mark", **parameters: object) -> Configuration:
    packaged = load(None, {}, Path("/"))
    workers = {"default": msgspec.structs.replace(IbsParameters(max_bars=None), **parameters)}
    runtime = msgspec.structs.replace(
        packaged.runtime, workers=workers, broker=ConfiguredBroker("paper", {"fill_at": fill_at})
    )
    return msgspec.structs.replace(packaged, runtime=runtime)


def bars(*closes: str) -> list[Bar]:
    """Bars of ES from 5000 to 5010: as many neutral ones as features need, then these."""
    every_close = [MIDDLE] * (HISTORY - 1) + list(closes)
    return [
        Bar(
            "ES", START + timedelta(hours=number), Decimal(5005), Decimal(5010), Decimal(5000), Decimal(close)
        )
        for number, close in enumerate(every_close)
    ]


def examples(*closes: str, fill_at: str = "mark", **parameters: object) -> Examples:
    return examples_of("ES", bars(*closes), configured(fill_at, **parameters))


def test_an_example_is_the_trade_a_signal_leads_to_net_of_all_costs() -> None:
    (one,) = examples(LOW, MIDDLE, HIGH).of
    assert (one.first, one.last) == (HISTORY - 1, HISTORY + 1)
    # 10 points of $50, less a tick of 0.25 on each side and $2.50 commission on each.
    assert one.pnl == Decimal(500) - Decimal(25) - Decimal(5)
    assert one.paid


def test_a_short_trade_mirrors_it() -> None:
    (one,) = examples(HIGH, LOW, sides="short").of
    assert one.pnl == Decimal(470)


def test_costs_alone_make_a_trade_that_did_not_pay() -> None:
    (one,) = examples(LOW, LOW, max_bars=1, entry_below=0.05).of[:1]
    assert one.pnl == Decimal(-30)
    assert not one.paid


def test_a_signal_while_another_trade_is_open_is_an_example_of_its_own() -> None:
    found = examples(LOW, LOW, HIGH).of
    assert [(one.first - HISTORY + 1, one.last - HISTORY + 1) for one in found] == [(0, 2), (1, 2)]


def test_a_cooldown_hides_no_signal() -> None:
    assert len(examples(LOW, HIGH, LOW, HIGH, cooldown_bars=5).of) == 2


def test_what_has_no_end_is_no_example_and_is_counted() -> None:
    found = examples(LOW, MIDDLE)
    assert (found.of, found.unfinished) == ((), 1)


def test_a_signal_without_all_features_is_no_example_and_is_counted() -> None:
    early = bars(LOW, HIGH)[1:]
    found = examples_of("ES", early, configured())
    assert (found.of, found.missing) == ((), 1)


def test_each_bar_that_was_looked_at_is_told() -> None:
    progress: list[int] = []
    examples_of("ES", bars(LOW, MIDDLE)[-3:], configured(), on_progress=progress.append)
    assert progress == [1, 2, 3]


def test_filled_at_the_next_bar_a_trade_begins_and_ends_at_opens() -> None:
    (one,) = examples(LOW, MIDDLE, HIGH, MIDDLE, fill_at="next_bar").of
    assert (one.first, one.last) == (HISTORY - 1, HISTORY + 2)
    assert (one.entered.price, one.left.price) == (Decimal("5005.25"), Decimal("5004.75"))
    assert one.pnl == Decimal(-30)


def test_filled_at_the_next_bar_a_trade_whose_exit_waits_at_the_end_is_unfinished() -> None:
    found = examples(LOW, MIDDLE, HIGH, fill_at="next_bar")
    assert (found.of, found.unfinished) == ((), 1)


@pytest.mark.parametrize("sides", ["long", "both"])
@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_the_trades_of_the_trader_are_among_the_examples(sides: str, fill_at: str) -> None:
    """One position at a time, as live: each trade made so is an example, with the same fills and dollars."""
    configuration = configured(
        fill_at=fill_at,
        sides=sides,
        stop_atr=Decimal(2),
        take_profit_atr=Decimal(3),
        max_bars=6,
        exit_at="15:00",
        size=3,
    )
    market = list(SyntheticMarket(configuration.contracts, days=30, seed=4).bars("ES"))
    known = {(one.entered.ms, one.left.ms): one for one in examples_of("ES", market, configuration).of}
    made = trade_alone("ES", market, configuration).trades
    late = [trade for trade in made if trade.entry_ms > milliseconds_of(market[HISTORY].time)]
    for trade in late:
        one = known[(trade.entry_ms, trade.exit_ms)]
        assert (one.side, one.size, one.pnl) == (trade.side, trade.size, trade.pnl)
        assert (one.entered.price, one.left.price) == (trade.entry_price, trade.exit_price)
    assert len(late) > 20


def test_an_example_knows_what_the_worker_knows_at_its_signal() -> None:
    configuration = configured(sides="both")
    market = list(SyntheticMarket(configuration.contracts, days=10, seed=4).bars("ES"))
    known = {one.first: one for one in examples_of("ES", market, configuration).of}
    history = FeatureHistory(configuration.runtime.trading_day)
    for number, bar in enumerate(market):
        history.take(bar)
        if number in known:
            side = known[number].side
            assert (known[number].time, known[number].features) == (bar.time, history.read(side))
    assert len(known) > 20


NAMED = """
from decimal import Decimal

from portfold.workers.strategies.intent import Enter, Exit


class Named:
    def __init__(self, parameters, trading_day):
        self.closes = []

    def decide(self, bar, held):
        self.closes.append(bar.close)
        if held is not None:
            return Exit("turned") if held.bars >= 1 and bar.close > sum(self.closes[-6:]) / 6 else None
        if bar.time.hour % 3:
            return None
        if bar.time.hour % 6:
            return Enter("long", 1, stop=bar.close - Decimal("0.1"))  # which the grid takes to the close
        if bar.close < bar.open:
            return Enter("long", 1, bar.low - 1, 3, bar.low - 5)
        return Enter("short", 1, stop=bar.high + 2)
"""


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_limits_and_stops_that_an_entry_names_are_labelled_as_they_are_traded(
    fill_at: str, tmp_path: Path
) -> None:
    broker = {"kind": "paper", "options": {"fill_at": fill_at}}
    runtime = {"workers": {"ES": {"strategy": "named.py:Named"}}, "broker": broker}
    folder = config_folder(tmp_path / "config", runtime=runtime)
    (folder / "named.py").write_text(NAMED)
    configuration = load(str(folder), {}, tmp_path)
    market = list(SyntheticMarket(configuration.contracts, days=20, seed=4).bars("ES"))
    found = {(one.entered, one.left, one.pnl) for one in examples_of("ES", market, configuration).of}
    signals = signals_alone("ES", market, configuration, begins=HISTORY).outcomes
    traded = [one for one in signals if one.asked is not None and one.asked.ended]
    assert {
        ((one.entry_ms, one.entry_price), (one.exit_ms, one.exit_price), one.pnl) for one in traded
    } <= found
    assert len(traded) > 40
    assert {one.side for one in traded} == {"long", "short"}
    assert len(found) <= len(traded) + 1
