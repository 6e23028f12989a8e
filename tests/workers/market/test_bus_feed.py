"""Bars off the bus: as long as asked for, of what is known alone, and none of before is traded."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from portfold.config import (
    ConfigError,
    Configuration,
    ConfiguredFeed,
    ConfiguredMarket,
    load,
)
from portfold.config.runtime import ConfiguredBroker
from portfold.events.market import Step, StepBar, step_fields
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import Place, connect
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.protocol import FeedSetup
from portfold.workers.feeds.registry import open_feed
from portfold.workers.market.bus_feed import BusFeed
from portfold.workers.run.live_plan import settle
from portfold.workers.run.money import refuse_a_past_market
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import until

TEN = int(datetime(2026, 11, 25, 16, tzinfo=UTC).timestamp() * 1000)  # ten o'clock in Chicago
MINUTE = 60_000
FAR_AHEAD = 2 * TEN


class Minutes:
    """Puts minutes on the bus, as a feed would."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._epoch = bus.take_feed("ann", 60_000).epoch

    def add(self, *minutes: int, known_since: int = 0, keep: int = 1_000, **prices: int) -> None:
        """The minutes that end so many after ten, at the price of each symbol."""
        bars = {
            symbol: StepBar(Decimal(price), Decimal(price + 1), Decimal(price - 1), Decimal(price), 5, "Z6")
            for symbol, price in prices.items()
        }
        for minute in minutes:
            self._bus.add_step(self._epoch, Step(TEN + minute * MINUTE, bars, "made", known_since), keep)

    def unknown(self, minute: int, symbol: str, **prices: int) -> None:
        """A minute of which nothing is known of a symbol."""
        bars = {
            name: StepBar(Decimal(price), Decimal(price), Decimal(price), Decimal(price), 5, "Z6")
            for name, price in prices.items()
        }
        step = Step(TEN + minute * MINUTE, bars, "made", unknown=(symbol,))
        self._bus.add_step(self._epoch, step, 1_000)


@pytest.fixture
def market(bus: Bus) -> Minutes:
    return Minutes(bus)


def opened(server: EmbeddedServer, portfolio: str, minutes: int) -> BusFeed:
    bus = Bus(connect(server.url), portfolio)
    return BusFeed(bus, minutes, ZoneInfo("America/Chicago"), threading.Event())


def ends_in(feed: Iterator[Bar | None], count: int) -> list[str]:
    """The ends of the next bars, in minutes after ten, with their prices."""
    found: list[Bar] = []

    def look() -> bool:
        bar = next(feed)
        found.extend([bar] if bar else [])
        return len(found) >= count

    until(look, f"{count} bars, beyond {found}")
    return [
        f"{(int(bar.time.timestamp() * 1000) - TEN) // MINUTE}: "
        f"{bar.open:f} {bar.high:f} {bar.low:f} {bar.close:f}"
        for bar in found
    ]


def test_minutes_are_joined_to_bars_of_the_length_that_is_asked_for(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    bars = opened(server, portfolio, 5).bars("ES")
    assert next(bars) is None
    market.add(0)
    market.add(1, ES=100)
    market.add(3, ES=105, CL=60)
    market.add(5)
    market.add(6, 7, CL=60)
    market.add(8, ES=90)
    market.add(10)
    assert ends_in(bars, 2) == ["5: 100 106 99 105", "10: 90 91 89 90"]


def test_other_markets_come_with_it_by_their_ends_and_what_is_unknown_of_them_hides_no_bar_of_its_own(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    bars = opened(server, portfolio, 1).bars_with("ES", ["CL", "NQ"])
    market.add(0)
    market.add(1, ES=100, CL=60, GC=1)
    market.add(2, NQ=200)
    market.add(3, ES=101, CL=61)
    market.unknown(4, "CL", ES=102)
    found: list[Bar] = []

    def look() -> bool:
        bar = next(bars)
        found.extend([bar] if bar else [])
        return len(found) == 6

    until(look, "all of them")
    told = [f"{(int(bar.time.timestamp() * 1000) - TEN) // MINUTE} {bar.symbol}" for bar in found]
    assert told == ["1 CL", "1 ES", "2 NQ", "3 CL", "3 ES", "4 ES"]


def test_each_length_has_the_same_minutes(server: EmbeddedServer, portfolio: str, market: Minutes) -> None:
    market.add(0)
    market.add(*range(1, 61), ES=100)
    for minutes, count in ((1, 60), (15, 4), (60, 1)):
        assert len(ends_in(opened(server, portfolio, minutes).bars("ES"), count)) == count


def test_what_was_there_before_the_worker_is_of_the_past(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    market.add(0)
    market.add(1, 2, ES=100)
    feed = opened(server, portfolio, 1)
    bars = feed.bars("ES")
    assert ends_in(bars, 2) == ["1: 100 101 99 100", "2: 100 101 99 100"]
    market.add(3, ES=102)
    assert ends_in(bars, 1) == ["3: 102 103 101 102"]
    assert feed.past_until == datetime(2026, 11, 25, 16, 2, tzinfo=UTC)


def test_a_bar_of_which_a_part_is_not_known_is_not_given(
    server: EmbeddedServer, portfolio: str, market: Minutes, bus: Bus
) -> None:
    market.add(2, ES=100)
    market.add(5, ES=100)
    market.add(10, ES=101)
    market.add(12, known_since=TEN + 11 * MINUTE, ES=102)
    market.add(15, 20, known_since=TEN + 11 * MINUTE, ES=103)
    bus.publish(bus.keys.bars, ["time_ms", "somebody's"])
    market.add(25, 30, known_since=TEN + 11 * MINUTE, ES=104)
    bars = opened(server, portfolio, 5).bars("ES")
    found = ends_in(bars, 3)
    assert [each.partition(":")[0] for each in found] == ["10", "20", "30"]


def somebody_puts_one_far_ahead(bus: Bus) -> None:
    """As a person may with redis-cli, or a feed whose clock is wrong."""
    price = Decimal(1)
    bar = StepBar(price, price, price, price, 5, "Z6")
    bus.publish(bus.keys.bars, step_fields(Step(FAR_AHEAD, {"ES": bar}, "made")))


def test_a_minute_that_is_dated_far_ahead_costs_the_bar_it_falls_into_and_no_other(
    server: EmbeddedServer, portfolio: str, market: Minutes, bus: Bus
) -> None:
    market.add(0)
    market.add(1, 2, ES=100)
    bars = opened(server, portfolio, 5).bars("ES")
    assert next(bars) is None, "it has read the first minutes"
    somebody_puts_one_far_ahead(bus)
    market.add(3, 4, 5, ES=101)
    market.add(*range(6, 11), ES=102)
    assert ends_in(bars, 1) == ["10: 102 103 101 102"]


def test_where_one_that_is_dated_far_ahead_was_the_last_what_comes_behind_it_is_of_now(
    server: EmbeddedServer, portfolio: str, market: Minutes, bus: Bus
) -> None:
    somebody_puts_one_far_ahead(bus)
    feed = opened(server, portfolio, 1)
    bars = feed.bars("ES")
    next(bars)
    market.add(1, 2, ES=100)
    assert [each.partition(":")[0] for each in ends_in(bars, 2)] == ["1", "2"]
    assert feed.past_until == datetime(2026, 11, 25, 16, tzinfo=UTC)


def test_one_that_is_dated_far_ahead_among_those_of_the_past_makes_none_of_them_one_of_now(
    server: EmbeddedServer, portfolio: str, market: Minutes, bus: Bus
) -> None:
    market.add(0, 1, ES=100)
    somebody_puts_one_far_ahead(bus)
    market.add(2, 3, ES=100)
    feed = opened(server, portfolio, 1)
    assert [each.partition(":")[0] for each in ends_in(feed.bars("ES"), 3)] == ["0", "1", "3"]
    assert feed.past_until == datetime(2026, 11, 25, 16, 3, tzinfo=UTC)


def test_what_left_the_bus_before_it_was_read_is_a_gap(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    market.add(0)
    market.add(1, ES=100)
    bars = opened(server, portfolio, 5).bars("ES")
    assert next(bars) is None, "it has read the first minute"
    market.add(2, 3, 4, 5, 6, ES=101)
    market.add(7, 8, 9, 10, 15, ES=102, keep=4)
    assert [each.partition(":")[0] for each in ends_in(bars, 1)] == ["15"], "nothing is known of 2 to 7"


def test_what_leaves_the_bus_once_it_was_read_is_none(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    market.add(0)
    market.add(1, 2, ES=100)
    bars = opened(server, portfolio, 5).bars("ES")
    assert next(bars) is None, "it has read the first minutes"
    market.add(3, 4, 5, ES=101, keep=4)
    assert ends_in(bars, 1) == ["5: 100 102 99 101"]


def test_after_the_bus_was_away_it_goes_on_with_the_first_minute_it_has_not_read(
    server: EmbeddedServer, portfolio: str, market: Minutes
) -> None:
    market.add(0)
    market.add(1, ES=100)
    with proxy_to(server.port) as proxy:
        bus = Bus(connect(proxy.url), portfolio)
        bars = BusFeed(bus, 1, ZoneInfo("America/Chicago"), threading.Event()).bars("ES")
        assert len(ends_in(bars, 1)) == 1
        proxy.lose("answer", b"XREAD", times=2)
        market.add(2, 3, ES=101)
        assert [each.partition(":")[0] for each in ends_in(bars, 2)] == ["2", "3"]
        assert proxy.lost == 2


def test_it_ends_when_it_is_told_to(server: EmbeddedServer, portfolio: str) -> None:
    stop = threading.Event()
    bars = BusFeed(Bus(connect(server.url), portfolio), 1, ZoneInfo("UTC"), stop).bars("ES")
    assert next(bars) is None
    stop.set()
    assert list(bars) == []


def test_it_is_opened_by_its_name(server: EmbeddedServer, portfolio: str, market: Minutes) -> None:
    market.add(0)
    market.add(1, ES=100)
    entry = ConfiguredFeed("bus", {"minutes": 1})
    place = Place(server.url, None, portfolio)
    setup = FeedSetup(load(None, {}, Path("/")), "ES", threading.Event(), entry, place=place)
    assert any(open_feed(setup).bars("ES"))


@pytest.mark.parametrize("minutes", [0, 7, 61, "5"])
def test_a_length_into_which_no_hour_can_be_cut_is_refused(minutes: object) -> None:
    entry = ConfiguredFeed("bus", {"minutes": minutes})
    with pytest.raises(ConfigError, match=r"feed.options.minutes: expected"):
        open_feed(FeedSetup(load(None, {}, Path("/")), "ES", threading.Event(), entry))


def fed_by(source: str, *symbols: str, broker: str = "paper") -> Configuration:
    packaged = load(None, {}, Path("/"))
    market = ConfiguredMarket(source, dict.fromkeys(symbols, "X"))
    runtime = replace(packaged.runtime, market=market, broker=ConfiguredBroker(broker))
    return replace(packaged, runtime=runtime)


def test_a_worker_of_a_symbol_that_is_not_fed_is_refused() -> None:
    setup = FeedSetup(fed_by("databento", "CL"), "ES", threading.Event(), ConfiguredFeed("bus"))
    with pytest.raises(ConfigError, match=r"market.symbols: expected ES among them"):
        open_feed(setup)
    setup = FeedSetup(fed_by("databento", "ES"), "ES", threading.Event(), ConfiguredFeed("bus"))
    with pytest.raises(ConfigError, match=r"market.symbols: expected CL among them, as the worker of ES"):
        open_feed(setup._replace(context=("CL",)))


def test_with_money_the_bus_has_to_be_fed_with_a_market_of_now() -> None:
    bus = ConfiguredFeed("bus")
    refuse_a_past_market(fed_by("databento", "ES", broker="traderspost"), bus)
    refuse_a_past_market(fed_by("synthetic", "ES"), bus)
    with pytest.raises(ConfigError, match=r"market.source: expected a source of now"):
        refuse_a_past_market(fed_by("synthetic", "ES", broker="traderspost"), bus)


def test_a_run_trades_the_symbols_that_are_fed() -> None:
    configuration = fed_by("databento", "CL", "ES")
    chosen = settle(configuration, paper=True, live=False, account=None, feed=ConfiguredFeed("bus"))
    assert set(chosen.symbols) == {"CL", "ES"} & set(configuration.portfolio.symbols)
    assert chosen.symbols
