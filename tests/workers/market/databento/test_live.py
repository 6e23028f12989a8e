"""What the real client hears of a fake gateway becomes prices and minutes of ours."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portfold.exchange_time import milliseconds_of
from portfold.workers.market.source import MINUTE_MS, ContractListed, MinuteBar, MinuteEnd, PriceUpdate, Roll
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway
from tests.workers.market.databento.desk import desk
from tests.workers.market.traded import SECOND_MS, TEN

SECOND_MINUTE = TEN + MINUTE_MS


def test_seconds_become_prices_at_once_and_a_minute_when_it_is_over(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        assert feed.one() is None
        asked = gateway.session().asked
        gateway.publish(wire.bar(es, TEN + 30 * SECOND_MS, "6001.25"))
        assert feed.wait_for(PriceUpdate) == PriceUpdate(
            "ES", Decimal("6001.25"), TEN + 30 * SECOND_MS, "ESH6"
        )
        gateway.publish(
            wire.bar(es, SECOND_MINUTE, "6001 6002.5 6001 6002", 7),
            wire.bar(es, SECOND_MINUTE + 59 * SECOND_MS, "6002 6002 5999.75 6000", 5),
        )
        feed.wait_for(PriceUpdate, lambda each: each.price == 6000)
        assert feed.bars() == []
        gateway.second_over(SECOND_MINUTE + MINUTE_MS)
        bar = feed.wait_for(MinuteBar)
        opened, high, low, close = map(Decimal, ("6001", "6002.5", "5999.75", "6000"))
        assert bar == MinuteBar("ES", SECOND_MINUTE + MINUTE_MS, opened, high, low, close, 12, "ESH6")
        assert feed.one() == MinuteEnd(SECOND_MINUTE + MINUTE_MS)
    assert [(each["schema"], each["stype_in"], each["symbols"]) for each in asked] == [
        ("ohlcv-1s", "continuous", "ES.v.0"),
        ("status", "continuous", "ES.v.0"),
        ("definition", "continuous", "ES.v.0"),
    ]


def test_minutes_of_the_gateway_are_handed_on_as_they_are(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, schema="ohlcv-1m") as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN, "10 12 9 11", 99, "ohlcv-1m"))
        gateway.second_over(SECOND_MINUTE, "ohlcv-1m")
        bar = feed.wait_for(MinuteBar)
        assert (bar.end_ms, str(bar.high), bar.volume) == (SECOND_MINUTE, "12", 99)


def test_trades_make_the_same_minute(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, schema="trades") as feed:
        feed.one()
        gateway.session()
        for after, price in ((0, "10"), (1, "12"), (40_000, "9"), (59_998, "11")):
            gateway.publish(wire.trade(es, TEN + after, price, 2))
        gateway.publish(wire.trade(es, SECOND_MINUTE + 1_000, "50"))
        bar = feed.wait_for(MinuteBar)
        prices = [str(each) for each in (bar.open, bar.high, bar.low, bar.close)]
        assert (prices, bar.volume, bar.end_ms) == (["10", "12", "9", "11"], 8, SECOND_MINUTE)


def test_a_minute_without_a_trade_has_an_end_and_no_bar(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.heartbeat(SECOND_MINUTE + SECOND_MS)
        assert feed.wait_for(MinuteEnd) == MinuteEnd(SECOND_MINUTE)
        assert feed.bars() == []


def test_a_continuous_symbol_and_a_named_contract_are_one_feed(gateway: Gateway) -> None:
    es, cl = gateway.market.enlist("ES.n.0", "ESH6"), gateway.market.enlist("CLJ6", "CLJ6")
    with desk(gateway, {"ES": "ES.n.0", "CL": "CLJ2026"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(cl, TEN, "71.13"), wire.bar(es, TEN, "6000"))
        gateway.second_over(SECOND_MINUTE)
        feed.wait_for(MinuteEnd)
        assert [(each.symbol, each.contract, str(each.close)) for each in feed.bars()] == [
            ("CL", "CLJ6", "71.13"),
            ("ES", "ESH6", "6000"),
        ]


def test_two_symbols_that_lead_to_one_contract_are_both_served(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    assert gateway.market.enlist("ESH6", "ESH6") == es
    with desk(gateway, {"ES": "ES.v.0", "MES": "ESH6"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN, "10"))
        gateway.second_over(SECOND_MINUTE)
        feed.wait_for(MinuteEnd)
        assert [each.symbol for each in feed.bars()] == ["ES", "MES"]


def test_what_is_none_of_ours_is_passed_over(gateway: Gateway) -> None:
    es, nq = gateway.market.enlist("ES.v.0", "ESH6"), gateway.market.enlist("NQ.v.0", "NQH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        feed.one()
        gateway.session()
        gateway.say(wire.bar(nq, TEN, "20000"), wire.bar(es, TEN, "10"))
        assert feed.wait_for(PriceUpdate).symbol == "ES"


def test_a_roll_in_the_middle_is_told_and_no_price_of_the_old_contract_follows(gateway: Gateway) -> None:
    old = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(old, TEN, "6000"))
        new = gateway.remap("ES.v.0", "ESM6", TEN + 10 * SECOND_MS)
        gateway.publish(wire.bar(new, TEN + 20 * SECOND_MS, "6055"))
        gateway.say(wire.bar(old, TEN + 30 * SECOND_MS, "6001"))
        gateway.second_over(SECOND_MINUTE)
        feed.wait_for(MinuteEnd)
        assert [each for each in feed.given if isinstance(each, Roll)] == [
            Roll("ES", "ESH6", "ESM6", TEN + 10 * SECOND_MS)
        ]
        rolled = feed.given.index(Roll("ES", "ESH6", "ESM6", TEN + 10 * SECOND_MS))
        after = [str(each.price) for each in feed.given[rolled:] if isinstance(each, PriceUpdate)]
        assert set(after) <= {"6055"}
        (bar,) = feed.bars()
        assert (bar.contract, str(bar.low), str(bar.high)) == ("ESM6", "6055", "6055")


def test_a_price_never_goes_back_in_time(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN + 9 * SECOND_MS, "10"))
        gateway.publish(wire.bar(es, TEN + 8 * SECOND_MS, "99"))
        gateway.publish(wire.bar(es, TEN + 10 * SECOND_MS, "11"))
        feed.wait_for(PriceUpdate, lambda each: each.price == 11)
        times = [each.at_ms for each in feed.given if isinstance(each, PriceUpdate)]
        assert times == sorted(times)
        assert "99" not in [str(each.price) for each in feed.given if isinstance(each, PriceUpdate)]


@pytest.mark.parametrize("pieces", [1, 7, 64])
def test_records_that_come_in_pieces_are_whole(gateway: Gateway, pieces: int) -> None:
    gateway.script.bytes_at_once = pieces
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(*(wire.bar(es, TEN + second * SECOND_MS, "10", 1) for second in range(60)))
        gateway.second_over(SECOND_MINUTE)
        assert feed.wait_for(MinuteBar).volume == 60


def test_the_market_stops_when_it_is_told_to(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        feed.one()
        session = gateway.session()
        feed.stop.set()
        assert list(feed.source.updates()) == []
        assert feed.one() is None
        assert session.is_over.wait(60)


def test_the_last_day_of_a_contract_is_what_the_exchange_defines(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    ends = milliseconds_of(datetime(2026, 3, 20, 13, 30, tzinfo=UTC))
    gateway.market.add(wire.definition(es, TEN - SECOND_MS, "ESH6", ends))
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        assert feed.wait_for(ContractListed) == ContractListed("ES", "ESH6", "2026-03-20")


def test_where_it_is_not_to_be_asked_for_it_is_not(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, definitions=False) as feed:
        feed.one()
        assert [each["schema"] for each in gateway.session().asked] == ["ohlcv-1s", "status"]
