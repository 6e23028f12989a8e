"""The market's data on a real server: only who has the lease writes, time only goes on, all of it bounded."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.market import FAR_AHEAD_MS, Step, StepBar, step_fields
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.market import Added, FeedReplaced, LastPrice, NewPrice
from tests.server import EmbeddedServer
from tests.waiting import until

BAR = StepBar(Decimal(1), Decimal(2), Decimal(1), Decimal(2), 7, "ESZ6")
LONG_MS = 60_000
TEN = 1_763_650_800_000


def step(time_ms: int) -> Step:
    return Step(time_ms, {"ES": BAR}, "made", 1)


def times(bus: Bus) -> list[int]:
    entries = bus.published_after(bus.keys.bars, ORIGIN, count=1_000, block_ms=1)
    return [int(entry.by_name["time_ms"]) for entry in entries]


def test_of_two_feeds_one_has_the_lease(bus: Bus) -> None:
    first = bus.take_feed("ann", LONG_MS)
    assert (first.epoch, first.holder) == (1, "ann")
    assert bus.take_feed("bob", LONG_MS) == (0, "ann")
    assert bus.keep_feed("ann", 0, first.epoch), "gives it up"
    assert bus.take_feed("bob", LONG_MS) == (2, "bob")
    assert not bus.keep_feed("ann", LONG_MS, first.epoch)


def test_a_feed_that_was_replaced_writes_nothing_more(bus: Bus) -> None:
    old = bus.take_feed("ann", 1).epoch
    until(lambda: bus.market().holder == "", "the lease to lapse")
    new = bus.take_feed("bob", LONG_MS).epoch
    assert bus.add_step(new, step(1_000), 10)
    with pytest.raises(FeedReplaced):
        bus.add_step(old, step(2_000), 10)
    with pytest.raises(FeedReplaced):
        bus.write_prices(old, "made", [NewPrice("ES", Decimal(5), 5)])
    with pytest.raises(FeedReplaced):
        bus.write_notices(old, {"gap": "none"})
    assert times(bus) == [1_000]
    assert bus.market().prices == {}
    assert bus.market().notices == {}


def test_a_term_of_the_same_number_is_another_feeds_on_a_server_that_failed_over(
    server: EmbeddedServer, bus: Bus, client: Any
) -> None:
    other = Bus(connect(server.url), bus.keys.name)
    bus.take_feed("ann", LONG_MS)
    client.delete(bus.keys.feed, bus.keys.feed_head)  # as on a replica that never heard of ann's term
    assert other.take_feed("bob", LONG_MS).epoch == 1
    with pytest.raises(FeedReplaced):
        bus.add_step(1, step(1_000), 10)
    with pytest.raises(FeedReplaced):
        bus.write_prices(1, "made", [NewPrice("ES", Decimal(5), 5)])
    with pytest.raises(FeedReplaced):
        bus.write_notices(1, {"gap": "none"})
    assert other.add_step(1, step(2_000), 10)
    assert times(bus) == [2_000]
    other.close()


def test_a_lease_that_lapsed_goes_on_while_nobody_else_has_fed(bus: Bus) -> None:
    epoch = bus.take_feed("ann", 1).epoch
    until(lambda: bus.market().holder == "", "the lease to lapse")
    assert bus.keep_feed("ann", LONG_MS, epoch)
    assert bus.market().holder == "ann"


def test_a_step_is_later_than_the_last_or_it_is_not_added(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    assert bus.add_step(epoch, step(2_000), 10)
    assert not bus.add_step(epoch, step(2_000), 10), "the same again, as after a lost answer"
    assert not bus.add_step(epoch, step(1_999), 10)
    assert bus.add_step(epoch, step(2_001), 10)
    assert times(bus) == [2_000, 2_001]
    assert bus.last_step()[1] == step(2_001)


def test_so_many_steps_stay_and_no_more(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    for time_ms in range(1, 8):
        bus.add_step(epoch, step(time_ms), 3)
    assert times(bus) == [5, 6, 7]


def test_what_somebody_else_wrote_among_the_steps_holds_no_step_back(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.publish(bus.keys.bars, ["time_ms", "tomorrow"])
    assert bus.last_step()[1] is None
    assert bus.add_step(epoch, step(1_000), 10)
    bus.publish(bus.keys.bars, ["time_ms", "9" * 5_000])
    assert bus.market().last_step_ms is None


@pytest.mark.parametrize("far", [str(TEN * 2), "9" * 5_000], ids=["of the year 2081", "no number at all"])
def test_a_step_that_is_dated_far_ahead_keeps_no_other_away(bus: Bus, far: str) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    assert bus.add_step(epoch, step(TEN), 10) is Added.THERE
    bus.publish(bus.keys.bars, ["time_ms", far])
    assert bus.add_step(epoch, step(TEN + 1), 10) is Added.BEHIND_ONE_AHEAD, "which is to be told"
    assert bus.add_step(epoch, step(TEN + 1), 10) is Added.NOT, "the same again"
    assert bus.add_step(epoch, step(TEN + 2), 10) is Added.THERE


def test_a_step_that_is_dated_ahead_by_less_holds_its_place(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    now_ms = bus.now_ms()
    bus.add_step(epoch, step(now_ms + FAR_AHEAD_MS - LONG_MS), 10)
    assert not bus.add_step(epoch, step(now_ms), 10)


def test_steps_of_a_market_that_is_ahead_altogether_are_added_as_all_others(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    assert bus.add_step(epoch, step(2 * TEN), 10) is Added.THERE
    assert bus.add_step(epoch, step(2 * TEN), 10) is Added.NOT
    assert bus.add_step(epoch, step(2 * TEN + 1), 10) is Added.THERE


def test_a_price_never_goes_back_in_time(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal("5990.25"), 2_000, "ESZ6")])
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(1), 1_999), NewPrice("CL", Decimal("-37.63"), 5)])
    _, prices = bus.last_prices(["ES", "CL", "NQ"])
    assert prices == {
        "ES": LastPrice(Decimal("5990.25"), 2_000, "made", "ESZ6"),
        "CL": LastPrice(Decimal("-37.63"), 5, "made"),
    }
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(5991), 2_000)])
    assert bus.market().prices["ES"].price == Decimal(5991), "of the same moment the later one"


def test_a_price_without_a_time_is_of_the_moment_it_is_written(bus: Bus) -> None:
    before = bus.now_ms()
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(1), None)])
    now_ms, prices = bus.last_prices(["ES"])
    assert before <= prices["ES"].at_ms <= now_ms


def test_a_price_of_the_future_keeps_no_other_away(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    now_ms = bus.now_ms()
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(1), now_ms + 86_400_000)])
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(3), now_ms)])
    assert bus.last_prices(["ES"])[1]["ES"] == LastPrice(Decimal(3), now_ms, "made")


@pytest.mark.parametrize(
    ("age_ms", "fault"),
    [
        (60_000, ""),
        (60_001, "the last is too old"),
        (-1_800_000, ""),
        (-1_800_001, "the last is dated far ahead of the server's clock"),
    ],
)
def test_a_price_is_one_for_so_long_and_none_that_is_dated_far_ahead(age_ms: int, fault: str) -> None:
    assert LastPrice(Decimal(1), TEN - age_ms, "made").fault(TEN, stale_ms=60_000) == fault


def test_what_somebody_else_wrote_is_no_price(bus: Bus, client: Any) -> None:
    client.hset(bus.keys.prices, mapping={"ES": "5990.25", "CL": "nan 5 made", "NQ": "1 2 made"})
    assert set(bus.last_prices(["ES", "CL", "NQ"])[1]) == {"NQ"}
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.write_prices(epoch, "made", [NewPrice("ES", Decimal(1), 1)])
    assert set(bus.market().prices) == {"ES", "NQ"}


def test_a_notice_stands_until_it_is_taken_back(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.write_notices(epoch, {"disconnected": "The line is dead.", "gap": "From ten to eleven."})
    bus.write_notices(epoch, {"disconnected": ""})
    assert bus.market().notices == {"gap": "From ten to eleven."}


def test_a_step_on_the_stream_is_what_the_codec_makes_of_it(bus: Bus) -> None:
    epoch = bus.take_feed("ann", LONG_MS).epoch
    bus.add_step(epoch, step(1_000), 10)
    [entry] = bus.published_after(bus.keys.bars, ORIGIN, count=9, block_ms=1)
    assert entry.fields == step_fields(step(1_000))
