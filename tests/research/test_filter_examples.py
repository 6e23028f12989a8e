"""Examples for a filter: what the worker would have done, known and made, signal by signal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from config import Configuration, load
from config.runtime import IbsParameters
from research.filter.examples import Examples, examples_of
from workers.bar import Bar
from workers.feeds.synthetic import SyntheticMarket
from workers.filters.features import HISTORY, FeatureHistory
from workers.strategies.ibs import IbsStrategy
from workers.strategies.intent import Enter, Exit, Held

START = datetime(2025, 1, 6, 15, tzinfo=UTC)
LOW, MIDDLE, HIGH = "5000", "5005", "5010"


def configured(**parameters: object) -> Configuration:
    packaged = load(None, {}, Path("/"))
    workers = {"default": msgspec.structs.replace(IbsParameters(max_bars=None), **parameters)}
    return msgspec.structs.replace(
        packaged, runtime=msgspec.structs.replace(packaged.runtime, workers=workers)
    )


def bars(*closes: str) -> list[Bar]:
    """Bars of ES from 5000 to 5010: as many neutral ones as features need, then these."""
    told = [MIDDLE] * (HISTORY - 1) + list(closes)
    return [
        Bar(
            "ES", START + timedelta(hours=number), Decimal(5005), Decimal(5010), Decimal(5000), Decimal(close)
        )
        for number, close in enumerate(told)
    ]


def examples(*closes: str, **parameters: object) -> Examples:
    return examples_of("ES", bars(*closes), configured(**parameters))


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


@pytest.mark.parametrize("sides", ["long", "both"])
def test_the_first_of_each_row_of_trades_is_the_one_the_worker_makes_and_knows_as_much(sides: str) -> None:
    """One position at a time, as live: each trade made so is among the examples, with what was known then."""
    configuration = configured(
        sides=sides, stop_atr=Decimal(2), take_profit_atr=Decimal(3), max_bars=6, exit_at="15:00"
    )
    market = list(SyntheticMarket(configuration.contracts, days=30, seed=4).bars("ES"))
    known = {one.first: one for one in examples_of("ES", market, configuration).of}

    runtime = configuration.runtime
    strategy, history = IbsStrategy(runtime.worker("ES")), FeatureHistory(runtime.trading_day)
    held, entered, trades = None, 0, 0
    for number, bar in enumerate(market):
        history.take(bar)
        if held is not None:
            held = msgspec.structs.replace(held, bars=held.bars + 1)
        intent = strategy.decide(bar, held)
        if isinstance(intent, Enter) and number >= HISTORY - 1:
            paid = bar.close + (Decimal("0.25") if intent.side == "long" else Decimal("-0.25"))
            held, entered = Held(intent.side, paid, 0), number
            assert entered not in known or known[entered].features == history.read(intent.side)
        elif isinstance(intent, Exit):
            assert known[entered].last == number
            held, trades = None, trades + 1
    assert trades > 20
