"""Bars from before the start: replayed as far as the gateway keeps them, before that out of history."""

from datetime import timedelta

from portfold.exchange_time import utc
from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd, PriceUpdate, Roll
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway
from tests.fakes.databento_gateway.historical import Historical
from tests.workers.market.databento.desk import desk
from tests.workers.market.traded import TEN

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def minutes(instrument: int, first_ms: int, count: int, price: str = "10") -> list[wire.Record]:
    return [wire.bar(instrument, first_ms + each * MINUTE_MS, price, 1, "ohlcv-1m") for each in range(count)]


def test_hours_are_replayed(gateway: Gateway, history: Historical) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    for each in range(0, 7200, 60):
        gateway.market.add(wire.bar(es, TEN - 2 * HOUR_MS + each * 1_000, "10"))
    gateway.market.now_ms = TEN
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=TEN - HOUR_MS, history_gateway=history.url) as feed:
        feed.wait_for(MinuteEnd, lambda each: each.end_ms == TEN - MINUTE_MS)
        gateway.session()
        gateway.publish(wire.bar(es, TEN, "11"))
        feed.wait_for(PriceUpdate, lambda each: each.price == 11)
        assert [each.end_ms for each in feed.bars()] == list(
            range(TEN - HOUR_MS + MINUTE_MS, TEN + 1, MINUTE_MS)
        )
        assert feed.notices() == []
    assert history.asked == []


def test_two_replays_one_after_the_other_lose_nothing(gateway: Gateway) -> None:
    es, cl = gateway.market.enlist("ES.v.0", "ESH6"), gateway.market.enlist("CLJ6", "CLJ6")
    for each in range(0, 600, 60):
        gateway.market.add(wire.bar(es, TEN - 600_000 + each * 1_000, "10"))
        gateway.market.add(wire.bar(cl, TEN - 600_000 + each * 1_000, "70"))
    gateway.market.now_ms = TEN
    with desk(gateway, {"ES": "ES.v.0", "CL": "CLJ6"}, since_ms=TEN - 600_000) as feed:
        feed.wait_for(MinuteEnd)
        gateway.session()
        gateway.second_over(TEN)
        feed.wait_for(MinuteEnd, lambda each: each.end_ms == TEN)
        wanted = [
            (symbol, end) for end in range(TEN - 540_000, TEN + 1, MINUTE_MS) for symbol in ("CL", "ES")
        ]
        assert [(each.symbol, each.end_ms) for each in feed.bars()] == wanted
        assert feed.lines[-1]["event"] == "databento: session open"


def test_days_come_out_of_history_and_then_the_replay_goes_on(gateway: Gateway, history: Historical) -> None:
    rolls_on = utc(TEN - 2 * DAY_MS).date()
    old = gateway.market.enlist("ES.c.0", "ESH6")
    new = gateway.market.enlist("ES.c.0", "ESM6", since=rolls_on)
    cl = gateway.market.enlist("CLJ6", "CLJ6")
    for each in (
        *minutes(old, TEN - 3 * DAY_MS, 3),
        *minutes(cl, TEN - 3 * DAY_MS, 1, "70.5"),
        *minutes(new, TEN - 2 * DAY_MS, 2, "20"),
    ):
        gateway.market.add(each)
    gateway.market.add(wire.bar(new, TEN - HOUR_MS, "21", 4))
    gateway.market.now_ms = TEN
    symbols = {"ES": "ES.c.0", "CL": "CLJ6"}
    with desk(gateway, symbols, since_ms=TEN - 3 * DAY_MS, history_gateway=history.url) as feed:
        feed.wait_for(MinuteBar, lambda each: each.contract == "ESM6")
        gateway.session()
        gateway.second_over(TEN)
        feed.wait_for(MinuteBar, lambda each: each.volume == 4)
        assert [(each.symbol, each.contract, str(each.close), each.end_ms - TEN) for each in feed.bars()] == [
            ("CL", "CLJ6", "70.5", -3 * DAY_MS + MINUTE_MS),
            ("ES", "ESH6", "10", -3 * DAY_MS + MINUTE_MS),
            ("ES", "ESH6", "10", -3 * DAY_MS + 2 * MINUTE_MS),
            ("ES", "ESH6", "10", -3 * DAY_MS + 3 * MINUTE_MS),
            ("ES", "ESM6", "20", -2 * DAY_MS + MINUTE_MS),
            ("ES", "ESM6", "20", -2 * DAY_MS + 2 * MINUTE_MS),
            ("ES", "ESM6", "21", -HOUR_MS + MINUTE_MS),
        ]
        assert [(each.before, each.after) for each in feed.given if isinstance(each, Roll)] == [
            ("ESH6", "ESM6")
        ]
        ends = [each.end_ms for each in feed.given if isinstance(each, MinuteEnd)]
        assert ends == sorted(set(ends))
        assert feed.notices() == []
    assert {method for method, _ in history.asked} == {
        "metadata.get_dataset_range",
        "timeseries.get_range",
        "symbology.resolve",
    }
    assert timedelta(milliseconds=int(gateway.connections[0].asked[0]["start"]) / 1e6 - TEN) == timedelta(
        hours=-23
    )


def test_what_history_does_not_have_yet_is_a_gap(gateway: Gateway, history: Historical) -> None:
    history.has_to_ms = TEN - 2 * DAY_MS
    es = gateway.market.enlist("ESH6", "ESH6")
    for each in minutes(es, TEN - 3 * DAY_MS, 1):
        gateway.market.add(each)
    gateway.market.now_ms = TEN
    with desk(gateway, {"ES": "ESH6"}, since_ms=TEN - 3 * DAY_MS, history_gateway=history.url) as feed:
        gap = feed.notice("gap")
        assert (gap.from_ms, gap.to_ms) == (TEN - 2 * DAY_MS, TEN - 23 * HOUR_MS)
        assert "does not have it yet" in gap.sentence
        assert len(feed.bars()) == 1
