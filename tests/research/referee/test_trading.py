"""The backtest against the referee, on random bars: every trade, signal, example of a label, and path."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from msgspec import structs

from portfold.config import Configuration
from portfold.config.runtime import ConfiguredBroker, ProtectiveStop, TradingDayRoll
from portfold.config.strategies.ibs import IbsParameters
from portfold.events.fields import Side
from portfold.research.backtest.figures import figures_of
from portfold.research.backtest.out_of_sample import Past, out_of_sample
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.filter import training
from portfold.research.filter.examples import examples_of
from portfold.research.trades.trade_file import Trade
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.protocol import Verdict
from tests.costs import costing
from tests.research.counting import Counting
from tests.research.made import packaged
from tests.research.referee import figures, folds, labels
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.exchange_day import day_at, weekdays
from tests.research.referee.simulation import Deal, Rules, Ware, play
from tests.research.referee.trading import Candle, Outcome, Resting, Traded, Way

pytestmark = unhurried

EXACT = ("stop_percent", "stop_atr", "take_profit_percent", "take_profit_atr")
Rolls = tuple[tuple[str, str], ...]
ROLLS: Rolls = (("America/Chicago", "17:00"), ("America/New_York", "18:00"), ("UTC", "21:30"))


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)


def random_bars(random: Random, count: int, *, steps: Sequence[int] = (30, 60, 240)) -> list[Bar]:
    """Bars of half an hour or more on the quarter ticks of ES, with gaps, flat ones and weekends."""
    minutes_long = random.choice(steps)
    at = datetime(2025, random.choice([1, 3, 10, 11]), random.randint(1, 20), tzinfo=UTC)
    level, tick, made = random.choice([0, 40, 20_000]), Decimal("0.25"), []
    for _ in range(count):
        at += timedelta(minutes=minutes_long * random.choice([1, 1, 1, 1, 2, 5]))
        opened = level + random.choice([0, 0, random.randint(-9, 9)])
        low, high = opened - random.randint(0, 8), opened + random.randint(0, 8)
        if random.random() < 0.08:
            low = high = opened
        level = random.randint(low, high)
        made.append(Bar("ES", at, *(tick * ticks for ticks in (opened, high, low, level))))
    return made


def random_parameters(random: Random) -> dict[str, Any]:
    """Parameters in any combination that a configuration may have."""

    def one_of(*choices: object) -> object:
        return random.choice([None, None, *choices])

    stop, profit = random.choice(["percent", "atr"]), random.choice(["percent", "atr"])
    hours = ("08:30-15:00", "22:00-06:30", "00:00-12:00")
    return {
        "entry_from": random.choice([0.0, 0.0, 0.1]),
        "entry_below": random.choice([0.2, 0.35, 0.5]),
        "exit_above": random.choice([0.6, 0.75, 0.8]),
        "exit_to": random.choice([1.0, 1.0, 0.9]),
        "sides": random.choice(["long", "short", "both"]),
        f"stop_{stop}": one_of(Decimal("0.1"), Decimal(1), Decimal("1.5")),
        f"take_profit_{profit}": one_of(Decimal("0.1"), Decimal(1), Decimal(2)),
        "atr_bars": random.choice([1, 3, 14]),
        "max_bars": one_of(1, 2, 8),
        "exit_at": one_of("15:00", "16:30", "02:00", "17:00"),
        "entry_hours": one_of(*hours),
        "cooldown_bars": random.choice([0, 0, 1, 4]),
        "size": random.choice([1, 3]),
    }


def random_resting(random: Random) -> dict[str, Any] | None:
    amounts: dict[str, Any] = {
        "ticks": random.choice([1, 5, 12]),
        "dollars": random.choice([Decimal(5), Decimal(80), Decimal("133.33")]),
        "atr": random.choice([Decimal("0.5"), Decimal("1.7")]),
    }
    unit = random.choice([None, *amounts])
    return {unit: amounts[unit], "atr_bars": random.choice([2, 14])} if unit else None


def configured(
    parameters: Mapping[str, Any], resting: Mapping[str, Any] | None, random: Random, rolls: Rolls = ROLLS
) -> Configuration:
    """The packaged configuration with ES traded so, at costs of its own."""
    zone, roll = random.choice(rolls)
    commission, ticks = random.choice(["0", "2.5", "1.235"]), random.choice([0, 1, 2])
    options = {"fill_at": random.choice(["mark", "next_bar"])}
    read = packaged()
    runtime = structs.replace(
        read.runtime,
        trading_day=TradingDayRoll(zone, roll),
        broker=ConfiguredBroker("paper", options),
        workers={"default": IbsParameters(), "ES": IbsParameters(**parameters)},
        protective_stop=ProtectiveStop(**resting) if resting else None,
    )
    contracts = costing(read.contracts, commission_per_side=commission, slippage_ticks=ticks)
    return structs.replace(read, runtime=runtime, contracts=contracts)


def refereed(configuration: Configuration, bars: list[Bar]) -> Traded:
    """The same in the referee's own words."""
    runtime, contract = configuration.runtime, configuration.contracts["ES"]
    known = structs.asdict(runtime.worker("ES"))
    wanted = {field.name: known[field.name] for field in fields(Way) if field.name in known}
    for name in ("entry_from", "entry_below", "exit_above", "exit_to"):
        wanted[name] = Fraction(str(wanted[name]))
    wanted |= {name: Fraction(wanted[name]) for name in EXACT if wanted[name] is not None}
    if wanted["exit_at"]:
        wanted["exit_at"] = minutes(wanted["exit_at"])
    if wanted["entry_hours"]:
        first, before = wanted["entry_hours"].split("-")
        wanted["entry_hours"] = (minutes(first), minutes(before))
    stop, resting = runtime.protective_stop, None
    if stop is not None:
        unit = next(name for name in ("ticks", "dollars", "atr") if getattr(stop, name) is not None)
        resting = Resting(unit, Fraction(getattr(stop, unit)), stop.atr_bars)
    way = Way(
        **wanted,
        next_bar=runtime.broker.options["fill_at"] == "next_bar",
        resting=resting,
        zone=runtime.trading_day.zone,
        roll=minutes(runtime.trading_day.roll),
    )
    ware = Ware(
        Fraction(contract.point_value),
        Fraction(contract.tick_size),
        contract.slippage_ticks,
        Fraction(contract.commission_per_side),
    )
    candles = [
        Candle(bar.moment_ms, *map(Fraction, (bar.open, bar.high, bar.low, bar.close))) for bar in bars
    ]
    return Traded(candles, way, ware)


class Refusing:
    """A filter that refuses the signals of some bars; meets `workers.filters.protocol.EntryFilter`."""

    def __init__(self, refused: Container[datetime]) -> None:
        self.refused = refused

    def take(self, _: Bar) -> None:
        """Needs no bars."""

    def judge(self, bar: Bar, _: Side) -> Verdict:
        """Refuses what it was told to."""
        return Verdict(bar.time not in self.refused, "told so", 0.5)


def as_told(trade: Trade) -> tuple[object, ...]:
    prices = (Fraction(trade.entry_price or 0), Fraction(trade.exit_price or 0), Fraction(trade.pnl))
    stop = None if trade.stop_price is None else Fraction(trade.stop_price)
    return (trade.entry_ms, trade.exit_ms, trade.side, trade.size, *prices, stop)


def as_judged(one: Outcome, by: Traded) -> tuple[object, ...]:
    ends = (by.bars[one.entered].ends, by.bars[one.left].ends)
    return (
        *ends,
        "long" if one.long else "short",
        by.way.size,
        one.entry,
        one.exit,
        one.pnl,
        by.planned(one),
    )


def test_trades_and_signals_are_the_referees_bar_by_bar() -> None:
    trades = stopped = dropped = 0
    for seed in cases():
        random = Random(seed)
        bars = random_bars(random, random.randint(2, 90))
        configuration = configured(random_parameters(random), random_resting(random), random)
        begins = random.randint(0, len(bars) // 4)
        refused = {number for number in range(len(bars)) if random.random() < random.choice([0, 0.4])}
        turned_away = Refusing({bars[number].time for number in refused})
        by = refereed(configuration, bars)

        found = trade_alone("ES", bars, configuration, turned_away, begins=begins)
        made, missed = by.alone(begins, refused)
        closed = [one for one in made if one.ended]
        assert [as_told(one) for one in found.trades] == [as_judged(one, by) for one in closed], seed
        assert (found.opened is not None) == (closed != made), seed
        assert [one.time for one in found.signals] == [bars[one.signal].time for one in closed], seed
        assert [one.time for one in found.refused] == [bars[number].time for number in missed], seed

        signals = by.signals(begins, refused)
        outcomes = signals_alone("ES", bars, configuration, turned_away, begins=begins).outcomes
        assert [as_told(one) for one in outcomes] == [as_judged(one, by) for one in signals], seed
        for outcome, one in zip(outcomes, signals, strict=True):
            before = by.bars[max(one.signal - by.way.cooldown_bars, 0)].ends
            assert outcome.asked is not None
            assert structs.astuple(outcome.asked) == (before, by.bars[one.seen].ends, one.ended), seed
        trades, dropped = trades + len(closed), dropped + len(missed)
        stopped += sum(one.seen < one.left for one in closed)
    assert min(trades, stopped, dropped) > 0  # it is no proof if nothing happened


def test_examples_are_the_signals_left_by_the_strategys_own_exits() -> None:
    examples = 0
    for seed in cases(6):
        random = Random(seed)
        bars = random_bars(random, random.randint(60, 110))
        configuration = configured(random_parameters(random), random_resting(random), random)
        begins = random.randint(0, 20)
        own_exits = structs.replace(configuration.runtime, protective_stop=None)
        by = refereed(structs.replace(configuration, runtime=own_exits), bars)
        found = examples_of("ES", bars, configuration, begins=begins)
        asked = [number for number in range(begins, len(bars)) if by.side(number)]
        judged = {number: by.outcome(number) for number in asked}
        for one in found.of:
            expected = judged[one.first]
            assert expected is not None
            assert expected.ended, seed
            ends = one.entered.ms, one.left.ms, one.side, one.size
            told = (*ends, *map(Fraction, (one.entered.price, one.left.price, one.pnl)), None)
            assert (one.last, told) == (expected.left, as_judged(expected, by)), seed
            assert one.paid == (expected.pnl > 0), seed
        over = [number for number, one in judged.items() if one is not None and one.ended]
        assert {one.first for one in found.of} <= set(over), seed
        assert len(found.of) + found.missing + found.unfinished == len(asked), seed
        examples += len(found.of)
    assert examples > 0


FEWEST = 12  # examples, where all bars are few enough for ten thousand cases
CASH, NO_LIMIT = Fraction(150_000), 999_999_999


def measured(trades: list[Outcome], by: Traded, days: list[date]) -> figures.Figures:
    """What the referee's simulation without limits makes of trades."""
    deals = [
        Deal("ES", by.bars[one.entered].ends, by.bars[one.left].ends, one.pnl, by.way.size, one.long)
        for one in trades
    ]
    played = play(deals, Rules(1, NO_LIMIT, Fraction(NO_LIMIT)), {}, {})
    return figures.figures_of(played, days, CASH, Fraction(NO_LIMIT))


def path_scores(by: Traded, begins: int, bars: int) -> list[dict[int, Fraction]]:
    """What each path of 6 groups, 2 of them tested, gives to the signals that are examples."""
    known = [
        one for one in by.signals(begins) if one.ended and one.signal >= 49
    ]  # features look back 50 bars
    of = [labels.Labelled((one.signal, one.left), by.weekday(one.signal), one.pnl) for one in known]
    every = folds.splits([one.span for one in of], 6, 2, folds.embargo("0.01", bars))
    scored = [labels.scores(of, split) for split in every]
    return [
        {
            one.signal: scored[path[folds.group_of(number, len(of), 6)]][number]
            for number, one in enumerate(known)
        }
        for path in folds.paths(6, 2)
    ]


def test_paths_of_cross_validation_trade_what_the_referee_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of it: purged folds, weights, scores, trades, signals and the Sharpe of each path."""
    monkeypatch.setattr(training, "KINDS", {"random_forest": Counting})
    monkeypatch.setattr("portfold.research.filter.training._FEWEST", FEWEST)
    monkeypatch.setattr("portfold.research.statistics.intervals.RESAMPLES", 10)
    made = 0
    for seed in cases(1):
        random = Random(seed)
        bars, begins = random_bars(random, random.randint(85, 105)), random.randint(0, 20)
        parameters = random_parameters(random) | {"entry_below": 0.5, "exit_at": None, "entry_hours": None}
        configuration = configured(parameters, None, random, rolls=ROLLS[:1])
        by, threshold = refereed(configuration, bars), Fraction(1, 2)
        days = weekdays(day_at(by.bars[begins].ends), day_at(by.bars[-1].ends))
        past = Past(bars, begins, [day.isoformat() for day in days])
        examples = examples_of("ES", bars, configuration, begins=begins)
        found = out_of_sample(configuration, "ES", past, examples, "random_forest", Decimal(150_000))
        if found.sharpe is None:
            assert len(examples.of) < FEWEST or "fewer folds" in found.method, seed
            continue
        sharpes = []
        for number, scores in enumerate(path_scores(by, begins, len(bars) - begins)):
            refused = {at for at in range(len(bars)) if scores.get(at, Fraction(-1)) < threshold}
            trades = [one for one in by.alone(begins, refused)[0] if one.ended]
            assert [as_told(one) for one in found.trades[number]] == [as_judged(one, by) for one in trades]
            signals = by.signals(begins, refused)
            assert [as_told(one) for one in found.signals[number]] == [as_judged(one, by) for one in signals]
            sharpes.append(measured(trades, by, days).sharpe)
            made += len(trades)
        assert list(found.paths) == pytest.approx(sharpes), seed
        assert found.sharpe == pytest.approx(sum(sharpes) / 5), seed
    assert made > 0


def test_figures_of_a_symbol_alone_are_the_referees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.research.statistics.intervals.RESAMPLES", 10)
    for seed in cases(8):
        random = Random(seed)
        bars = random_bars(random, random.randint(2, 90))
        configuration = configured(random_parameters(random), None, random, rolls=ROLLS[:1])
        by = refereed(configuration, bars)
        days = weekdays(day_at(by.bars[0].ends), day_at(by.bars[-1].ends))
        trades = trade_alone("ES", bars, configuration).trades
        found = figures_of(configuration, trades, [day.isoformat() for day in days], Decimal(150_000)).metrics
        expected = measured([one for one in by.alone(0)[0] if one.ended], by, days)
        assert structs.asdict(found) == pytest.approx(asdict(expected)), seed
