"""Limits and stops that a strategy names, traded by ours and walked tick by tick: the same trades."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from msgspec import structs

from portfold.config import Configuration
from portfold.config.runtime import ConfiguredBroker
from portfold.exchange_time import milliseconds_of
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.trades.trade_file import Trade
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.costs import costing
from tests.research.made import opened_as, packaged
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.waiting.orders import Done, Ticks, Wanted, reckoned

pytestmark = unhurried

TICK, BARS = Decimal("0.25"), 120
START = datetime(2025, 6, 2, tzinfo=UTC)


class Planned:
    """Wants what it is told to, by the number of the bar."""

    def __init__(self, wanted: Mapping[int, Wanted], leaves: Collection[int]) -> None:
        self._wanted, self._leaves, self._number = wanted, leaves, -1

    def decide(self, _bar: Bar, held: OwnPosition | None) -> Intent:
        self._number += 1
        if held is not None:
            return Exit("told so") if self._number in self._leaves else None
        one = self._wanted.get(self._number)
        if one is None:
            return None
        limit, stop = (None if ticks is None else ticks * TICK for ticks in (one.limit, one.stop))
        return Enter("long" if one.long else "short", 1, limit, one.lives, stop)


def random_market(random: Random) -> list[Ticks]:
    """Bars that move little, so that prices are met exactly, with gaps."""
    level, made = random.choice([0, 20_000]), list[Ticks]()
    for _ in range(BARS):
        opened = level + random.choice([0, 0, 0, random.randint(-6, 6)])
        high, low = opened + random.randint(0, 5), opened - random.randint(0, 5)
        level = random.randint(low, high)
        made.append(Ticks(opened, high, low, level))
    return made


def random_wishes(random: Random, market: list[Ticks]) -> dict[int, Wanted]:
    found = {}
    for number, bar in enumerate(market):
        if random.random() < 0.4:
            long, away = random.random() < 0.5, random.randint(1, 5)
            waits = random.random() < 0.7
            price = bar.close + random.randint(-4, 4) if waits else bar.close
            stop = None if random.random() < 0.3 else price - away if long else price + away
            lives = random.randint(1, 4) if waits else 1
            found[number] = Wanted(long, price if waits else None, lives, stop)
    return found


def up_to_the_next(wanted: Mapping[int, Wanted]) -> dict[int, Wanted]:
    """The same wishes; each waits no longer than until the next, which takes its place."""
    after = dict(pairwise(wanted))
    return {at: replace(one, lives=min(one.lives, after.get(at, BARS) - at)) for at, one in wanted.items()}


def bars_of(market: list[Ticks]) -> list[Bar]:
    return [
        Bar(
            "ES",
            START + timedelta(minutes=30 * number),
            *(TICK * ticks for ticks in (bar.open, bar.high, bar.low, bar.close)),
        )
        for number, bar in enumerate(market)
    ]


def as_done(trade: Trade) -> Done:
    assert trade.entry_price is not None
    assert trade.exit_price is not None
    entered, left = ((ms - milliseconds_of(START)) // 1_800_000 for ms in (trade.entry_ms, trade.exit_ms))
    entry, exit_ = int(trade.entry_price / TICK), int(trade.exit_price / TICK)
    stop = None if trade.stop_price is None else int(trade.stop_price / TICK)
    return Done(entered, left, entry, exit_, trade.side == "long", stop)


def trading(fill_at: str, slip: int) -> Configuration:
    found = packaged()
    runtime = structs.replace(found.runtime, broker=ConfiguredBroker("paper", {"fill_at": fill_at}))
    contracts = costing(found.contracts, slippage_ticks=slip)
    return structs.replace(found, runtime=runtime, contracts=contracts)


@pytest.mark.parametrize("seed", cases())
def test_every_trade_and_every_signal_is_as_the_referee_walks_it(seed: int) -> None:
    random = Random(seed)
    market = random_market(random)
    wanted = random_wishes(random, market)
    leaves = {number for number in range(BARS) if random.random() < 0.15}
    next_bar, slip = random.random() < 0.5, random.choice([0, 1, 2])
    configuration = trading("next_bar" if next_bar else "mark", slip)
    opened = opened_as(lambda: Planned(wanted, leaves))
    traded = trade_alone("ES", bars_of(market), configuration, opened=opened)
    expected = reckoned(market, wanted, leaves, slip=slip, next_bar=next_bar)
    assert [as_done(trade) for trade in traded.trades] == expected
    outcomes = signals_alone("ES", bars_of(market), configuration, opened=opened).outcomes
    ended = [as_done(one) for one in outcomes if one.asked is not None and one.asked.ended]
    each = (
        reckoned(market, {at: one}, leaves, slip=slip, next_bar=next_bar)
        for at, one in up_to_the_next(wanted).items()
    )
    assert ended == [alone[0] for alone in each if alone]
    assert any(done.entered == done.left for done in expected)
    assert any(done.exit == done.stop for done in ended) or slip
