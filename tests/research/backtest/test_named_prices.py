"""Entries with a limit, a life and a stop of their own, from the trader to the files and back."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from portfold.config import load
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.out_of_sample import GROUPS, TESTED, Past, out_of_sample
from portfold.research.backtest.rows import TradeRow, signals_table, trades_table
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.filter.examples import examples_of
from portfold.research.filter.training import path_scores
from portfold.research.simulate.simulator import simulate
from portfold.research.trades.trade_file import Rows, read_rows
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.filters.features import HISTORY
from portfold.workers.filters.protocol import Verdict
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from portfold.workers.strategies.opened import OpenedStrategy
from tests.processes import config_folder
from tests.research.made import CHICAGO, opened_as, packaged, scenario_of

START = datetime(2025, 6, 2, tzinfo=UTC)


def bars(*candles: tuple[int, int, int, int], begins: int = 0) -> list[Bar]:
    """Half-hourly bars of ES: open, high, low and close."""
    return [
        Bar("ES", START + timedelta(minutes=30 * number), *map(Decimal, candle))
        for number, candle in enumerate(candles, start=begins)
    ]


def wanting(wishes: Mapping[int, Enter], *, holds: int = 1) -> OpenedStrategy:
    """A strategy that wants these entries at these bars while flat, and holds so many bars."""

    class Wanting:
        def __init__(self) -> None:
            self._bar = -1

        def decide(self, _: Bar, held: OwnPosition | None) -> Intent:
            self._bar += 1
            if held is not None:
                return Exit("held") if held.bars >= holds else None
            return wishes.get(self._bar)

    return opened_as(Wanting)


def read_back(text: str) -> Rows:
    header, *lines = csv.reader(io.StringIO(text))
    return read_rows("ES", header, lines, CHICAGO)


GAPS = bars((101, 101, 101, 101), (95, 96, 94, 95), (95, 95, 95, 95), (95, 95, 95, 95))


def test_a_limit_that_a_gap_fills_beyond_its_stop_is_read_back_as_the_loss_that_it_is() -> None:
    """The limit at 100 and the stop at 98 are both filled at the open of 95."""
    opened = wanting({0: Enter("long", 1, Decimal(100), 3, Decimal(98))})
    [made] = trade_alone("ES", GAPS, packaged(), opened=opened).trades
    assert (made.entry_price, made.stop_price) == (Decimal(95), None)
    assert made.pnl < 0
    written = read_back(trades_table([TradeRow(made, selected=True, probability=None)], CHICAGO))
    assert (written.trades, written.dropped) == ([made], {})
    outcomes = signals_alone("ES", GAPS, packaged(), opened=opened).outcomes
    signals = read_back(signals_table(outcomes, CHICAGO))
    assert (signals.trades, signals.dropped) == (outcomes, {})


def test_a_limit_that_is_filled_before_its_stop_keeps_it() -> None:
    opened = wanting({0: Enter("long", 1, Decimal(100), 3, Decimal(94))})
    [made] = trade_alone(
        "ES", bars((101,) * 4, (99, 99, 95, 95), *[(95,) * 4] * 2), packaged(), opened=opened
    ).trades
    assert (made.entry_price, made.stop_price) == (Decimal(99), Decimal(94))


class NumberedFilter:
    """Passes every signal; its probability is the number of its bar, in hundredths."""

    def take(self, bar: Bar) -> None: ...

    def judge(self, bar: Bar, _: Side) -> Verdict:
        return Verdict(passed=True, reason="", probability=(bar.time - START) / timedelta(minutes=30) / 100)


def test_a_trade_has_the_probability_of_its_own_signal_where_one_before_was_never_filled() -> None:
    wishes = {0: Enter("long", 1, Decimal(50), 1), 3: Enter("long", 1, Decimal(99), 2), 6: Enter("long", 1)}
    market = bars(*[(100,) * 4] * 4, (100, 100, 98, 100), *[(103,) * 4] * 4)
    traded = trade_alone("ES", market, packaged(), NumberedFilter(), opened=wanting(wishes))
    assert [one.entry_ms for one in traded.trades] == [milliseconds_of(market[at].time) for at in (4, 6)]
    assert [(one.time, one.probability) for one in traded.signals] == [
        (market[3].time, 0.03),
        (market[6].time, 0.06),
    ]


def test_of_two_entries_of_one_moment_the_one_that_a_trader_makes_is_simulated() -> None:
    """Bar 2 fills the limit of bar 0, and its close is a signal itself, which would end first, and gain."""

    class Both:
        def __init__(self) -> None:
            self._bar = -1

        def decide(self, _: Bar, held: OwnPosition | None) -> Intent:
            self._bar += 1
            if held is None:
                wishes = {0: Enter("long", 1, Decimal(98), 5), 2: Enter("long", 1)}
                return wishes.get(self._bar)
            return Exit("held") if held.bars >= (4 if held.entry_price < 99 else 1) else None

    market = bars(*[(100,) * 4] * 2, (100, 100, 97, 100), (100, 110, 100, 110), *[(90,) * 4] * 5)
    opened = opened_as(Both)
    [made] = trade_alone("ES", market, packaged(), opened=opened).trades
    signals = signals_alone("ES", market, packaged(), opened=opened).outcomes
    assert len(signals) == 2
    assert {one.entry_ms for one in signals} == {milliseconds_of(market[2].time)}
    scenario = scenario_of(signals, stop=999_999)
    [taken] = simulate(scenario.timeline, scenario.limits_of(["ES"], 1)).taken
    assert scenario.timeline.trades[taken.trade].entry_price == made.entry_price == 98


HOPEFUL = """
from portfold.workers.strategies.intent import Enter, Exit


class Hopeful:
    def __init__(self, parameters, trading_day):
        self.bars = 0

    def decide(self, bar, held):
        self.bars += 1
        if held is not None:
            return Exit("held") if held.bars >= 2 else None
        return Enter("long", 1, bar.close - 4, 4) if self.bars % 3 == 0 else None
"""


def test_where_every_score_passes_a_path_makes_the_trades_of_no_filter(tmp_path: Path) -> None:
    """A signal that will never be filled passes by its score too: it takes the place of what waits."""
    runtime = {"workers": {"ES": {"strategy": "hopeful.py:Hopeful", "min_probability": 0}}}
    folder = config_folder(tmp_path / "config", runtime=runtime)
    (folder / "hopeful.py").write_text(HOPEFUL)
    configuration = load(str(folder), {}, tmp_path)
    market = list(SyntheticMarket(configuration.contracts, days=90, seed=4).bars("ES"))
    examples = examples_of("ES", market, configuration, begins=HISTORY)
    assert len(examples.never_filled) > 20
    assert [one.first for one in examples.never_filled] == sorted(one.first for one in examples.never_filled)
    past = Past(market, HISTORY, ["2025-01-06", "2025-01-07"])
    judged = out_of_sample(configuration, "ES", past, examples, "logistic", Decimal(150_000))
    traded = trade_alone("ES", market, configuration, begins=HISTORY).trades
    assert len(judged.trades) == 5
    for trades in judged.trades:
        assert list(trades) == traded
    for path in path_scores(examples, "logistic", groups=GROUPS, tested=TESTED, embargo=0.01):
        assert len(path) == len(examples.judged)
        assert all(0 < score < 1 for score in path)
