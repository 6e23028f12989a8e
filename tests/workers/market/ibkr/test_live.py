"""Minutes of bars of five seconds, last prices of ticks, and what was missed of the past, each once."""

from decimal import Decimal

from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd, PriceUpdate
from tests.waiting import until
from tests.workers.market.ibkr.tws_feed import SECOND_MS, TEN, Market, feed, shown


def test_bars_of_five_seconds_become_a_minute_as_soon_as_it_is_over(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.live(es)
        market.bars(30, 60, "5000")
        market.bars(60, 120, "5010")
        opened, high, low, close = map(Decimal, ("5010", "5011", "5009", "5010"))
        minute = MinuteBar("ES", TEN + 2 * MINUTE_MS, opened, high, low, close, 24, "ESZ5")
        assert es.wait_for(MinuteBar) == minute
        assert es.wait_for(MinuteEnd).end_ms == TEN + 2 * MINUTE_MS
        assert len(es.bars()) == 1, "of the first the beginning is not known"


def test_of_several_symbols_a_minute_is_over_with_the_bars_of_all_of_them(market: Market) -> None:
    with feed(market, {"ES": "ES", "NQ": "NQZ5"}) as both:
        market.live(both, "ESZ5", "NQZ5")
        market.bars(0, 5, "5000")
        market.bars(0, 5, "18000", "NQZ5")
        market.bars(60, 120, "5010")
        both.wait_for(PriceUpdate, lambda each: each.price == 5010)
        assert both.bars() == []
        market.bars(60, 120, "18010", "NQZ5")
        both.wait_for(MinuteEnd, lambda each: each.end_ms == TEN + 2 * MINUTE_MS)
        assert [bar.symbol for bar in both.bars()] == ["ES", "NQ"]


def test_bars_without_a_trade_say_what_time_it_is_and_make_no_minute(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.live(es)
        market.bars(0, 60, "5000")
        market.bars(60, 120, "5000", volume=0)
        es.wait_for(MinuteEnd, lambda each: each.end_ms == TEN + 2 * MINUTE_MS)
        assert es.bars() == []


def test_a_quiet_minute_ends_by_the_clock_of_the_gateway(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.live(es)
        market.bars(0, 65, "5000")
        market.at(129)
        es.wait_for(PriceUpdate)
        assert not [
            each for each in es.given if isinstance(each, MinuteEnd) and each.end_ms > TEN + MINUTE_MS
        ]
        market.at(130)
        es.wait_for(MinuteEnd, lambda each: each.end_ms == TEN + 2 * MINUTE_MS)
        assert shown(es.bars()) == ["2: 5000 2"]


def test_a_trade_is_a_price_of_its_own_time_and_contract(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.live(es)
        market.now_ms = TEN + 1_234
        market.exchange.trade("ESZ5", "5000.25", 3)
        assert es.wait_for(PriceUpdate) == PriceUpdate("ES", Decimal("5000.25"), TEN + 1_234, "ESZ5")
        market.bars(0, 5, "5001")
        market.bars(5, 10, "5002")
        assert es.wait_for(PriceUpdate).price == 5002, "a bar is older than a trade in it"


def test_a_feed_warms_up_on_the_past_and_goes_on_with_whole_minutes(market: Market) -> None:
    market.at(-600)
    market.bars(-600, -595, "4990", told=False)
    market.bars(-300, -240, "4995", told=False)
    market.bars(-60, 20, "5000", told=False)
    with feed(market, {"ES": "ES"}, since_ms=TEN - 600 * SECOND_MS) as es:
        market.subscribed(es)
        es.wait_for(MinuteEnd)
        market.bars(20, 60, "5005")
        market.bars(60, 65, "5010")
        es.wait_for(MinuteBar, lambda each: each.end_ms == TEN + MINUTE_MS)
        market.bars(65, 120, "5010")
        es.wait_for(MinuteBar, lambda each: each.end_ms == TEN + 2 * MINUTE_MS)
        assert shown(es.bars()) == ["-9: 4990 2", "-4: 4995 24", "0: 5000 24", "1: 5005 24", "2: 5010 24"]
        assert es.notices() == []
    assert market.exchange.past_asked == [
        ("ESZ5", "20251202-16:00:00", "600 S"),
        ("ESZ5", "20251202-16:01:00", "60 S"),
    ]


def test_the_past_is_asked_for_day_by_day_and_a_day_without_trades_is_empty(market: Market) -> None:
    day = 24 * 60 * MINUTE_MS
    market.bars(-90, -60, "4990", told=False)
    market.at(0)
    with feed(market, {"ES": "ES"}, since_ms=TEN - 3 * day) as es:
        es.wait_for(MinuteEnd, lambda each: each.end_ms == TEN - MINUTE_MS)
        assert shown(es.bars()) == ["-1: 4990 12"]
        assert es.notices() == []
    asked = [duration for _, _, duration in market.exchange.past_asked[:3]]
    assert asked == ["86400 S", "86400 S", "86340 S"]


def test_it_ends_when_it_is_told_to(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.subscribed(es)
        es.stop.set()
        es.run()
    until(lambda: not market.gateway.clients(), "the connection to be closed")
