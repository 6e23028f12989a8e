"""A connection that breaks, however it breaks, costs neither a trade nor a minute."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from portfold.exchange_time import milliseconds_of
from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd, Notice, PriceUpdate, Roll
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway
from tests.fakes.databento_gateway.historical import Historical
from tests.workers.market.databento.desk import QUICK, desk
from tests.workers.market.given import Desk
from tests.workers.market.traded import SECOND_MS, TEN

DAY_MS = 24 * 60 * MINUTE_MS
GARBAGE = b"\x07garbage that is no record" * 20


def spoil(gateway: Gateway) -> None:
    """Sends what is no record, and hangs up."""
    gateway.say(GARBAGE)
    gateway.drop()


BREAKS: dict[str, Callable[[Gateway], None]] = {
    "the gateway hangs up": Gateway.drop,
    "in the middle of a record": lambda gateway: gateway.cut_short(wire.bar(1001, TEN + 1, "66")),
    "garbage": spoil,
    "an error of the gateway": lambda gateway: gateway.fail("INTERNAL_ERROR", "Something broke"),
}


def seconds(instrument: int, first: int, beyond: int) -> list[wire.Record]:
    """One lot traded in each second."""
    return [wire.bar(instrument, TEN + each * SECOND_MS, str(each + 1)) for each in range(first, beyond)]


@pytest.mark.parametrize("how", BREAKS)
def test_a_minute_is_whole_though_the_connection_broke_in_it(gateway: Gateway, how: str) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(*seconds(es, 0, 70))
        feed.wait_for(MinuteEnd)
        BREAKS[how](gateway)
        feed.notice("disconnected")
        gateway.publish(*seconds(es, 70, 100))  # nobody hears it
        feed.notice("reconnected")
        gateway.session(2)
        gateway.publish(*seconds(es, 100, 120))
        gateway.second_over(TEN + 2 * MINUTE_MS)
        feed.wait_for(MinuteEnd)
        first, second = feed.bars()
        assert [(each.volume, str(each.open), str(each.close)) for each in (first, second)] == [
            (60, "1", "60"),
            (60, "61", "120"),
        ]
        assert feed.notices() == ["disconnected", "reconnected"]
    assert gateway.connections[1].asked[0]["start"] == str((TEN + MINUTE_MS) * wire.NS_IN_MS)


def test_a_loss_is_told_once_however_often_it_is_tried(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN) as feed:
        feed.one()
        gateway.session()
        gateway.publish(*seconds(es, 0, 1))
        feed.wait_for(PriceUpdate)
        gateway.script.fails_with = ("INTERNAL_ERROR", "Restarting")
        gateway.drop()
        while len(gateway.connections) < 5:
            feed.one()
        gateway.script.fails_with = None
        feed.notice("reconnected")
        told = [each.sentence for each in feed.given if isinstance(each, Notice)]
        assert told == [
            "The connection to Databento is lost: the gateway closed the connection.",
            "Databento's gateway has an error of its own. It said: Restarting",
            "Databento gives prices again.",
        ]


def test_a_gateway_that_cannot_be_reached_is_tried_again(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    gateway.close()
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        assert feed.notice("disconnected").sentence.startswith("No connection to Databento: Connection to")
        while not [line for line in feed.lines if line.get("next_in_seconds") == 0.05]:
            feed.one()


def test_a_lost_heartbeat_is_a_lost_connection(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, patience=QUICK._replace(silence_seconds=-4)) as feed:
        feed.one()
        gateway.session()
        gateway.publish(*seconds(es, 0, 1))
        notice = feed.notice("disconnected")
        assert notice.sentence.startswith("The connection to Databento is lost: not even a heartbeat for")
        feed.notice("reconnected")
        assert len(gateway.connections) == 2


def test_garbage_on_a_line_that_stays_open_is_a_lost_connection(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    gateway.script.heartbeat_pace = 0.01
    with desk(gateway, {"ES": "ES.v.0"}, patience=QUICK._replace(silence_seconds=-4)) as feed:
        feed.one()
        gateway.session()
        gateway.say(GARBAGE)
        feed.notice("disconnected")
        feed.notice("reconnected")


def test_heartbeats_keep_a_quiet_connection(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    gateway.script.heartbeat_pace = 0.01
    with desk(gateway, {"ES": "ES.v.0"}, patience=QUICK._replace(silence_seconds=-4)) as feed:
        feed.one()
        gateway.session()
        for _ in range(8):  # 250 ms each
            feed.one()
        assert feed.notices() == []
        assert len(gateway.connections) == 1


def away_for(feed: Desk, gateway: Gateway, milliseconds: int, keeps_from_ms: int = 0) -> None:
    """Trades a minute, is away for so long, and trades on."""
    es = gateway.market.enlist("ES.v.0", "ESH6")
    feed.one()
    gateway.session()
    gateway.publish(*seconds(es, 0, 61))
    feed.wait_for(MinuteEnd)
    gateway.publish(wire.bar(es, TEN + 5 * MINUTE_MS, "500", 5, "ohlcv-1m"))  # which history alone has
    gateway.script.keeps_from_ms = keeps_from_ms
    gateway.drop()
    gateway.publish(wire.bar(es, TEN + milliseconds, "900", 9))


def test_what_replay_does_not_reach_comes_from_history(gateway: Gateway, history: Historical) -> None:
    history.has_to_ms = TEN + 3 * DAY_MS
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, history_gateway=history.url) as feed:
        away_for(feed, gateway, 2 * DAY_MS)
        feed.notice("reconnected")
        gateway.second_over(TEN + 2 * DAY_MS + MINUTE_MS)
        feed.wait_for(MinuteBar, lambda each: each.volume == 9)
        assert [(each.end_ms - TEN, each.volume, each.contract) for each in feed.bars()] == [
            (MINUTE_MS, 60, "ESH6"),
            (6 * MINUTE_MS, 5, "ESH6"),
            (2 * DAY_MS + MINUTE_MS, 9, "ESH6"),
        ]
        assert "gap" not in feed.notices()


@pytest.mark.parametrize("why", ["off", "refused"])
def test_what_nobody_has_is_a_gap(gateway: Gateway, history: Historical, why: str) -> None:
    history.refuses_with = (403, "No entitlement")
    allowed = why != "off"
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, history_gateway=history.url, history=allowed) as feed:
        away_for(feed, gateway, 2 * DAY_MS)
        gap = feed.notice("gap")
        assert (gap.from_ms, gap.to_ms) == (TEN + MINUTE_MS, TEN + 2 * DAY_MS - 23 * 60 * MINUTE_MS)
        assert ("options.history is off" if why == "off" else "No entitlement") in gap.sentence
        gateway.session(2)
        gateway.second_over(TEN + 2 * DAY_MS + MINUTE_MS)
        feed.wait_for(MinuteBar, lambda each: each.volume == 9)


def test_a_replay_that_the_gateway_refuses_is_asked_for_shorter(
    gateway: Gateway, history: Historical
) -> None:
    history.has_to_ms = TEN + DAY_MS
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, history_gateway=history.url) as feed:
        away_for(feed, gateway, 20 * 60 * MINUTE_MS, keeps_from_ms=TEN + 10 * 60 * MINUTE_MS)
        feed.wait_for(MinuteBar, lambda each: each.volume == 5)
        gateway.session(3)  # the second was refused
        gateway.second_over(TEN + 20 * 60 * MINUTE_MS + MINUTE_MS)
        feed.wait_for(MinuteBar, lambda each: each.volume == 9)
        assert "gap" not in feed.notices()


def test_after_midnight_a_continuous_symbol_is_subscribed_anew_and_rolls(gateway: Gateway) -> None:
    midnight = milliseconds_of(datetime(2026, 3, 5, tzinfo=UTC))
    old = gateway.market.enlist("ES.c.0", "ESH6")
    new = gateway.market.enlist("ES.c.0", "ESM6", since=datetime(2026, 3, 5, tzinfo=UTC).date())
    gateway.market.now_ms = midnight - MINUTE_MS
    with desk(gateway, {"ES": "ES.c.0"}, since_ms=midnight - MINUTE_MS) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(old, midnight - MINUTE_MS, "10"), wire.bar(old, midnight, "11"))
        gateway.second_over(midnight + MINUTE_MS)
        feed.wait_for(MinuteEnd, lambda each: each.end_ms == midnight + MINUTE_MS)
        gateway.publish(wire.bar(old, midnight + MINUTE_MS, "12"), wire.bar(new, midnight + MINUTE_MS, "70"))
        roll = feed.wait_for(Roll)
        assert (roll.symbol, roll.before, roll.after) == ("ES", "ESH6", "ESM6")
        gateway.session(2)
        gateway.second_over(midnight + 2 * MINUTE_MS)
        feed.wait_for(MinuteBar, lambda each: each.contract == "ESM6")
        assert [(each.contract, str(each.close)) for each in feed.bars()] == [
            ("ESH6", "10"),
            ("ESH6", "11"),
            ("ESM6", "70"),
        ]
        assert feed.notices() == []


def test_a_named_contract_is_left_alone_at_midnight(gateway: Gateway) -> None:
    midnight = milliseconds_of(datetime(2026, 3, 5, tzinfo=UTC))
    es = gateway.market.enlist("ESH6", "ESH6")
    gateway.market.now_ms = midnight - MINUTE_MS
    with desk(gateway, {"ES": "ESH6"}, since_ms=midnight - MINUTE_MS) as feed:
        feed.one()
        gateway.session()
        for minute in range(4):
            gateway.publish(wire.bar(es, midnight + minute * MINUTE_MS, "10"))
        feed.wait_for(MinuteEnd, lambda each: each.end_ms == midnight + 3 * MINUTE_MS)
        assert len(gateway.connections) == 1


def test_a_trade_between_making_and_receiving_is_replayed_once(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN, schema="trades") as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.trade(es, TEN, "10"), wire.trade(es, TEN + MINUTE_MS + SECOND_MS, "11"))
        feed.wait_for(MinuteEnd)
        gateway.drop()
        gateway.publish(wire.trade(es, TEN + MINUTE_MS - 1, "20", 5, received_after_us=2_000))
        feed.notice("reconnected")
        gateway.session(2)
        gateway.publish(wire.trade(es, TEN + 2 * MINUTE_MS + SECOND_MS, "12"))
        feed.wait_for(MinuteBar)
        assert [each.volume for each in feed.bars()] == [1, 6]
        assert [line for line in feed.lines if "was over" in line["event"]] == []


def test_bars_that_are_wanted_from_now_on_are_no_replay_of_the_future(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN + 1) as feed:
        feed.one()
        assert int(gateway.session().asked[0]["start"]) == TEN * wire.NS_IN_MS


def test_a_fault_of_ours_is_told_and_not_swallowed(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise KeyError("ES")

    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        feed.one()
        gateway.session()
        monkeypatch.setattr("portfold.workers.market.sources.databento.records.exact_price", fail)
        gateway.publish(*seconds(es, 0, 1))
        assert feed.notice("disconnected").sentence.endswith("a fault of ours: KeyError('ES')")
