"""However often the connection breaks, and wherever: the minutes are those of an unbroken day."""

import random
from collections import defaultdict
from decimal import Decimal

import pytest

from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd, PriceUpdate
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway
from tests.waiting import until
from tests.workers.market.databento.desk import desk
from tests.workers.market.databento.test_reconnect import BREAKS
from tests.workers.market.traded import SECOND_MS, TEN

MINUTES = 8
SYMBOLS = {"ES": "ES.v.0", "CL": "CLJ6", "NQ": "NQ.c.0"}
Row = tuple[str, int, Decimal, int]


def day(chance: random.Random) -> list[Row]:
    """Seconds in which something was traded, most of none, in the order of time."""
    return [
        (symbol, second, Decimal(chance.randint(-400, 400)) / 4, chance.randint(1, 9))
        for second in range(MINUTES * 60)
        for symbol in SYMBOLS
        if chance.random() < 0.1
    ]


def expected(rows: list[Row]) -> list[MinuteBar]:
    """The minutes of a day, by brute force."""
    grouped = defaultdict(list)
    for symbol, second, price, volume in rows:
        grouped[second // 60 + 1, symbol].append((price, volume))
    return [
        MinuteBar(
            symbol,
            TEN + minute * MINUTE_MS,
            of_it[0][0],
            max(price for price, _ in of_it),
            min(price for price, _ in of_it),
            of_it[-1][0],
            sum(volume for _, volume in of_it),
            {"ES": "ESH6", "CL": "CLJ6", "NQ": "NQH6"}[symbol],
        )
        for (minute, symbol), of_it in sorted(grouped.items())
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_minutes_of_a_broken_day_are_those_of_a_whole_one(gateway: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    instruments = {
        "ES": gateway.market.enlist("ES.v.0", "ESH6"),
        "CL": gateway.market.enlist("CLJ6", "CLJ6"),
        "NQ": gateway.market.enlist("NQ.c.0", "NQH6"),
    }
    rows = day(chance)
    gateway.script.bytes_at_once = chance.choice([0, 0, 13])
    with desk(gateway, SYMBOLS, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        breaks_at = set(chance.sample(range(1, len(rows)), 5))
        for number, (symbol, second, price, volume) in enumerate(rows):
            gateway.publish(wire.bar(instruments[symbol], TEN + second * SECOND_MS, str(price), volume))
            if chance.random() < 0.2:
                gateway.second_over(TEN + second * SECOND_MS)
            if chance.random() < 0.1:
                feed.one()
            if number in breaks_at:
                chance.choice(list(BREAKS.values()))(gateway)
                for _ in range(chance.choice([0, 1, 5])):
                    feed.one()

        def is_over() -> bool:
            if feed.one() is None:
                gateway.second_over(TEN + MINUTES * MINUTE_MS)
            return MinuteEnd(TEN + MINUTES * MINUTE_MS) in feed.given

        until(is_over, "the end of the day")
        assert len(gateway.connections) > 1
        assert feed.bars() == expected(rows)
        ends = [each.end_ms for each in feed.given if isinstance(each, MinuteEnd)]
        assert ends == sorted(set(ends))
        for symbol in SYMBOLS:
            times = [
                each.at_ms for each in feed.given if isinstance(each, PriceUpdate) and each.symbol == symbol
            ]
            assert times == sorted(times)
        assert {"gap", "refused", "silent_symbol"}.isdisjoint(feed.notices())
        assert [line for line in feed.lines if "was over" in line["event"]] == []
