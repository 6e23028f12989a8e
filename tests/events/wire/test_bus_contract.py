"""The bus in memory is the bus: what depends on the server's clock is asked of each by itself."""

import pytest

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import VIEW, Bus, Entry
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.market import Market
from tests.events.wire.bench import LARGEST, LEAD, NOTE, TICK, Bench, committed
from tests.simulation.memory.bus import MemoryBus


def test_the_servers_clock_stamps_what_has_no_stamp(bench: Bench) -> None:
    before = bench.bus.now_ms()
    first, second = bench.bus.append(TICK), bench.bus.append(TICK)
    assert before <= first.ms <= second.ms <= bench.bus.now_ms()
    assert bench.bus.events_after(ORIGIN, count=9) == [Entry(first, TICK), Entry(second, TICK)]


def test_an_event_after_one_from_the_future_comes_behind_it(bench: Bench) -> None:
    ahead = bench.bus.append(TICK, f"{bench.bus.now_ms() + 3_600_000}-3")
    assert bench.bus.append(TICK) == StreamId(ahead.ms, 4)
    assert (
        bench.bus.append(TICK, f"{ahead.ms}-{LARGEST}") < bench.bus.append(TICK) == StreamId(ahead.ms + 1, 0)
    )


def test_a_lease_lapses_and_is_the_next_ones(bench: Bench) -> None:
    bench.bus.take_lead("ann", 30)
    bench.until(lambda: bench.bus.leader() is None, "the end of the lease")
    assert not bench.bus.keep_lead("ann", 60_000)
    assert bench.bus.take_lead("bob", 60_000).epoch == 2


def test_a_lease_that_is_kept_lasts_on(bench: Bench) -> None:
    def kept_in_time() -> bool:
        return bench.bus.take_lead("ann", 1000).epoch > 0 and bench.bus.keep_lead("ann", 60_000)

    bench.until(kept_in_time, "a lease kept in time")
    bench.bus.beat("ibs-ES", "s1", 1200)  # which lapses when the lease would have
    bench.until(lambda: bench.bus.beats(["ibs-ES"]) == [None], "the end of the heartbeat")
    assert bench.bus.leader() == "ann"


def test_a_sign_of_life_goes_on_only_where_there_is_one(bench: Bench) -> None:
    assert not bench.bus.beat_on("ibs-ES", "s1", 60_000)
    assert bench.bus.beats(["ibs-ES"]) == [None]
    bench.bus.beat("ibs-ES", "s1", 60_000)
    assert not bench.bus.beat_on("ibs-ES", "s2", 60_000), "another session's is not ours to renew"
    assert bench.bus.beats(["ibs-ES"]) == ["s1"]
    assert bench.bus.beat_on("ibs-ES", "s1", 60_000)


def test_whether_a_yes_holds_is_seen_in_one_moment(bench: Bench) -> None:
    before = bench.bus.now_ms()
    now_ms, *known = bench.bus.standing("ibs-ES")
    assert known == ["", "", None]
    bench.bus.beat("ibs-ES", "s1", 60_000)
    for step in (LEAD, committed(status={"halted": "true", VIEW: '{"halt":null}'})):
        step(bench)
    later = bench.bus.standing("ibs-ES")
    assert later[1:] == ('{"halt":null}', "7-0", "s1")
    assert before <= now_ms <= later.now_ms <= bench.bus.now_ms()


def test_a_read_of_nothing_ends_when_its_time_is_up(bench: Bench) -> None:
    before = bench.bus.now_ms()
    assert bench.bus.events_after(ORIGIN, count=1, block_ms=20) == []
    assert bench.bus.decisions_after(ORIGIN, count=1, block_ms=20) == []
    assert bench.bus.orders_after(ORIGIN, ORIGIN, count=1, block_ms=20) == ([], [])
    assert bench.bus.published_after(bench.bus.keys.steps, ORIGIN, count=1, block_ms=20) == []
    assert bench.bus.now_ms() - before >= 80 - 4  # a millisecond each is the clock's grain


@pytest.mark.parametrize("by", ["append", "pull_killswitch"])
def test_a_waiting_read_is_woken_by_what_it_waits_for(bench: Bench, by: str) -> None:
    bench.meanwhile(lambda: getattr(bench.bus, by)(NOTE))
    if by == "append":
        found = bench.bus.events_after(ORIGIN, count=9, block_ms=4000)
    else:
        _, found = bench.bus.orders_after(ORIGIN, ORIGIN, count=9, block_ms=4000)
    assert [entry.fields for entry in found] == [NOTE]


def test_the_server_is_one_that_the_coordinator_leads_on(bench: Bench) -> None:
    assert tuple(map(int, bench.bus.server()["redis_version"].split(".")[:2])) >= (7, 0)
    assert bench.bus.server()["aof_enabled"] == "1"
    assert bench.bus.settings()["appendfsync"] == "always"


def test_a_refusal_writes_nothing(bench: Bench) -> None:
    bench.put_text(bench.bus.keys.events, "somebody's text")
    with pytest.raises(BusRefused, match=r"Redis refused while adding an event: WRONGTYPE"):
        bench.bus.append(TICK)
    bench.delete(bench.bus.keys.events)
    assert bench.bus.last_event() == ORIGIN


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_loss_answered_for_lies_behind_the_head_and_the_head_counts_anew(
    bench: Bench, *, cut_off: bool
) -> None:
    bench.bus.take_lead("ann", 60_000)
    assert committed()(bench) is not None
    cursor = StreamId(7, 0)
    done = bench.bus.acknowledge(NOTE, cursor=cursor, folded=1, folded_from_now=0, cut_off=cut_off)
    assert done.outcome == "done"
    assert bench.bus.events_after(cursor, count=9) == [Entry(done.event, NOTE)]
    head = bench.bus.head()
    assert head is not None
    assert (head.cursor, head.folded) == (cursor, 0)


def test_a_name_is_claimed_by_one_until_it_lapses_or_is_taken_over(bench: Bench) -> None:
    assert bench.bus.claim("ibs-ES", "ann", 60_000, "") == ""
    assert bench.bus.claim("ibs-ES", "ann", 60_000, "") == "", "renewing is taking it again"
    assert bench.bus.claim("ibs-ES", "bob", 60_000, "") == "ann"
    assert bench.bus.claim("ibs-ES", "bob", 60_000, "cat") == "ann"
    assert bench.bus.claimed(["ibs-CL", "ibs-ES"]) == {"ibs-ES": "ann"}
    assert bench.bus.claimed([]) == {}
    assert 0 < bench.bus.claim_lasts_ms("ibs-ES", "ann") <= 60_000
    assert bench.bus.claim_lasts_ms("ibs-ES", "bob") == 0
    assert bench.bus.claim("ibs-ES", "bob", 60_000, "ann") == ""
    assert bench.bus.claim("ibs-ES", "cat", 60_000, "*") == ""
    bench.bus.unclaim("ibs-ES", "bob")
    assert bench.bus.claim_lasts_ms("ibs-ES", "cat") > 0, "only who has it gives it up"
    bench.bus.unclaim("ibs-ES", "cat")
    bench.until(lambda: bench.bus.claim_lasts_ms("ibs-ES", "cat") == 0, "the end of the claim")


def test_when_a_heartbeat_lapses_changes_with_each_renewal_and_by_nothing_else(bench: Bench) -> None:
    assert bench.bus.beats_lapse_at([]) == []
    bench.bus.beat("ibs-ES", "s1", 60_000)
    first = bench.bus.beats_lapse_at(["ibs-ES", "nobody"])
    assert first[1] is None
    assert bench.bus.beats_lapse_at(["ibs-ES", "nobody"]) == first
    assert bench.bus.beat_on("ibs-ES", "s1", 90_000)
    [renewed] = bench.bus.beats_lapse_at(["ibs-ES"])
    assert first[0] is not None
    assert renewed is not None
    assert renewed >= first[0] + 30_000


def test_what_the_book_lacks_is_there_until_it_lapses_or_is_said_anew(bench: Bench) -> None:
    assert bench.bus.book_lacks() == ""
    bench.bus.say_book_lacks("ES long of ibs-ES", 60_000)
    assert bench.bus.book_lacks() == "ES long of ibs-ES"
    bench.bus.say_book_lacks("CL long of ibs-CL", 10)
    bench.until(lambda: bench.bus.book_lacks() == "", "it to lapse")
    bench.bus.say_book_exceeds("ES long of ibs-ES", 60_000)
    assert (bench.bus.book_exceeds(), bench.bus.book_lacks()) == ("ES long of ibs-ES", "")
    bench.bus.say_without_stop("CL long of ibs-CL", 60_000)
    bench.bus.say_less_than_expected("less since 2025-01-15", 60_000)
    assert bench.bus.less_than_expected() == "less since 2025-01-15"
    assert (bench.bus.without_stop(), bench.bus.book_exceeds()) == ("CL long of ibs-CL", "ES long of ibs-ES")


def test_a_log_has_one_name_and_one_that_was_led_before_there_were_names_has_the_empty_one(
    bench: Bench,
) -> None:
    assert bench.bus.known_log_name() == ""
    bench.bus.take_lead("ann", 60_000)
    assert bench.bus.known_log_name() == bench.bus.log_name() == bench.bus.log_name() != ""
    bench.delete(bench.bus.keys.log)
    assert bench.bus.log_name() == ""


_MADE_OF_OTHERS = {
    *("events_after", "decisions_after", "published_after"),
    *("last_event", "last_decision", "last_pull_id", "pull_killswitch"),
}
_FOR_METRICS = {"decisions_heard"}
_FOR_STATUS = {"say_switch", "switch"}


def test_everything_the_bus_can_do_it_can_do_in_memory() -> None:
    """But for the market's data, what metrics are counted from, and what the status alone shows."""
    public = {name for name in dir(Bus) if not name.startswith("_")}
    assert public - set(vars(Market)) - set(vars(MemoryBus)) == _MADE_OF_OTHERS | _FOR_METRICS | _FOR_STATUS


def test_a_lease_from_before_the_clock_was_put_back_is_not_waited_for(bench: Bench) -> None:
    bench.bus.take_lead("ann", 3_600_000)
    assert bench.bus.take_lead("bob", 10).holder == "ann"
    bench.until(lambda: bench.bus.leader() is None, "the end of the lease")
    assert bench.bus.take_lead("bob", 10).epoch == 2


def test_a_lease_that_somebody_set_by_hand_ends_too(bench: Bench) -> None:
    bench.put_text(bench.bus.keys.leader, "ann")
    assert bench.bus.take_lead("bob", 10).holder == "ann"
    bench.until(lambda: bench.bus.leader() is None, "the end of the lease")
