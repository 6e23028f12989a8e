"""Whoever reads slowly is told and loses nothing; a symbol that gives no price is told."""

from portfold.workers.market.source import MINUTE_MS, MinuteBar, PriceUpdate
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway
from tests.waiting import until
from tests.workers.market.databento.desk import desk
from tests.workers.market.traded import SECOND_MS, TEN

MANY = 25_000


def test_a_reader_that_looks_away_loses_nothing_and_is_told_that_it_was_slow(gateway: Gateway) -> None:
    gateway.script.slow_beyond = 1_000
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, schema="trades") as feed:
        feed.one()
        gateway.session()
        for number in range(MANY):  # nobody reads meanwhile
            gateway.market.now_ms = TEN + number
            gateway.say(wire.trade(es, TEN + number, "10"))
        gateway.heartbeat(TEN + MINUTE_MS + SECOND_MS)
        assert "read too slowly" in feed.notice("slow_reader").sentence
        assert feed.wait_for(MinuteBar).volume == MANY
        assert len([each for each in feed.given if isinstance(each, PriceUpdate)]) < MANY / 10
        assert feed.notices() == ["slow_reader"]


def test_what_the_gateway_skipped_is_a_gap(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN + SECOND_MS, "10"))
        gateway.say(wire.error(TEN + 5 * SECOND_MS, "SKIPPED_RECORDS_AFTER_SLOW_READING", "skipped 7"))
        feed.notice("slow_reader")
        gap = feed.notice("gap")
        assert (gap.from_ms, gap.to_ms) == (TEN + SECOND_MS, TEN + 5 * SECOND_MS)
        gateway.publish(wire.bar(es, TEN + MINUTE_MS, "11"), wire.bar(es, TEN + 2 * MINUTE_MS, "12"))
        assert feed.wait_for(MinuteBar).end_ms == TEN + 2 * MINUTE_MS


def test_a_symbol_without_a_price_is_told_while_its_session_is_open(gateway: Gateway) -> None:
    es, cl = gateway.market.enlist("ES.v.0", "ESH6"), gateway.market.enlist("CL.v.0", "CLJ6")
    gateway.market.add(wire.status(es, TEN - MINUTE_MS, is_trading=True))
    gateway.market.add(wire.status(cl, TEN - MINUTE_MS, is_trading=True))
    gateway.market.now_ms = TEN
    with desk(gateway, {"ES": "ES.v.0", "CL": "CL.v.0"}, silent_seconds=300) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(cl, TEN, "70"))
        for minute in range(6):
            gateway.publish(wire.bar(es, TEN + minute * MINUTE_MS, "10"))
        notice = feed.notice("silent_symbol")
        assert notice.symbols == ("CL",)
        gateway.publish(wire.bar(cl, TEN + 6 * MINUTE_MS, "71"))
        assert feed.notice("recovered").symbols == ("CL",)
        gateway.publish(wire.status(cl, TEN + 7 * MINUTE_MS, is_trading=False))
        for minute in range(7, 20):
            gateway.publish(wire.bar(es, TEN + minute * MINUTE_MS, str(minute)))
        feed.wait_for(PriceUpdate, lambda each: each.price == 19)
        assert feed.notices() == ["silent_symbol", "recovered"]


def test_a_symbol_that_nothing_was_said_of_is_told_as_well(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0", "CL": "CL.v.0"}, silent_seconds=300) as feed:
        gateway.script.says_unresolved = False
        feed.one()
        gateway.session()
        gateway.publish(*(wire.bar(es, TEN + minute * MINUTE_MS, "10") for minute in range(7)))
        assert feed.notice("silent_symbol").symbols == ("CL",)


def test_a_feed_that_is_closed_while_it_is_full_ends(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, schema="trades") as feed:
        feed.one()
        session = gateway.session()
        for number in range(MANY):
            gateway.say(wire.trade(es, TEN + number, "10"))
        feed.source.close()
        assert until(session.is_over.is_set, "the end of the session")
