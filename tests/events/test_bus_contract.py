"""The bus in memory is the bus: whatever is asked of both, in whatever order, they answer alike.

The real server is the measure. What depends on its clock is asked of each by itself: what lapses, what waits.
"""

import re
import threading
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Protocol
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, at_time
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.errors import BusError, BusRefused
from tests.simulation.memory_bus import MemoryBus
from tests.simulation.memory_server import MemoryServer
from tests.simulation.scheduler import Scheduler
from tests.waiting import until

TICK = ["type", "ClockTicked"]
NOTE = ["n", "1"]
CHAIN = "c" * 64
_LARGEST = 2**64 - 1
_WEDNESDAY = 1_736_956_800_000


class Bench(Protocol):
    """A bus, and what can be done to its keys behind its back."""

    bus: Bus

    def put_text(self, key: str, text: str) -> None: ...

    def put_hash(self, key: str, fields: dict[str, str]) -> None: ...

    def delete(self, key: str) -> None: ...

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Has it done while the next call waits."""

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        """Lets time pass."""


class ServerBench:
    """On the real server."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.bus: Bus = Bus(connect(server.url), f"contract-{uuid4().hex[:12]}")
        self._client: Any = Redis.from_url(server.url, decode_responses=True)
        self._actions: list[threading.Thread] = []

    def put_text(self, key: str, text: str) -> None:
        self._client.set(key, text)

    def put_hash(self, key: str, fields: dict[str, str]) -> None:
        self._client.delete(key)
        self._client.hset(key, mapping=fields)

    def delete(self, key: str) -> None:
        self._client.delete(key)

    def meanwhile(self, action: Callable[[], object]) -> None:
        def act() -> None:
            until(lambda: self._client.info("clients")["blocked_clients"] > 0, "a reader that waits")
            action()

        self._actions.append(threading.Thread(target=act))
        self._actions[-1].start()

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        until(look, waiting_for)

    def close(self) -> None:
        for action in self._actions:
            action.join(20)
        self.bus.close()
        self._client.close()


class MemoryBench:
    """In memory; time passes only while somebody waits."""

    def __init__(self) -> None:
        self._time = Scheduler(Random(0))
        self._server = MemoryServer(lambda: _WEDNESDAY + self._time.now)
        self.bus: Bus = MemoryBus(self._server, "contract", self._pass_time)

    def _pass_time(self, ready: Callable[[], bool], ms: int) -> None:
        self._time.run(self._time.now + ms, ready)

    def put_text(self, key: str, text: str) -> None:
        self._server.put(key, text)

    def put_hash(self, key: str, fields: dict[str, str]) -> None:
        self._server.put(key, fields)

    def delete(self, key: str) -> None:
        self._server.delete(key)

    def meanwhile(self, action: Callable[[], object]) -> None:
        self._time.at(self._time.now + 5, None, action)

    def until(self, look: Callable[[], bool], waiting_for: str) -> None:
        for _ in range(60_000):
            if look():
                return
            self._time.run(self._time.now + 1)
        raise AssertionError(waiting_for)

    def close(self) -> None:
        """Nothing to let go."""


@pytest.fixture(params=["server", "memory"])
def bench(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Bench]:
    made = ServerBench(server) if request.param == "server" else MemoryBench()
    yield made
    made.close()


# --- asked of both, and compared ------------------------------------------------------------------------

_WHERE = re.compile(r" script: .*|Command # \d+ \(.*\) of pipeline caused error: |(?<=: )ERR ")
"""What the server and its client add to a refusal: where it was."""

Step = Callable[[Bench], object]
"""Something asked of a bench; its name is what it is called in a failure."""


def answers(bench: Bench, steps: list[Step]) -> list[object]:
    """What each step comes to: an answer, or a refusal in its words."""
    return [_answer(bench, step) for step in steps]


def _answer(bench: Bench, step: Step) -> object:
    try:
        return step(bench)
    except BusError as error:
        return type(error), _WHERE.sub("", str(error))


def compare(server: EmbeddedServer, steps: list[Step]) -> None:
    on_server, in_memory = ServerBench(server), MemoryBench()
    try:
        expected, found = answers(on_server, steps), answers(in_memory, steps)
        # In a refused batch's detail the server leaves its error's code in, or not, by version.
        for step, right, answer in zip(steps, map(_codeless, expected), found, strict=True):
            assert answer == right, step.__name__
    finally:
        on_server.close()


def _codeless(answer: object) -> object:
    detail = getattr(answer, "detail", "")
    return answer._replace(detail=detail.removeprefix("ERR ")) if detail else answer  # type: ignore[attr-defined]


def called(name: str, *arguments: Any, **named: Any) -> Step:
    """Calls the bus."""

    def step(bench: Bench) -> object:
        return getattr(bench.bus, name)(*arguments, **named)

    step.__name__ = f"{name}{arguments}{named}"
    return step


def by_hand(act: str, key: str, *arguments: Any) -> Step:
    """Does something to a key of this portfolio."""

    def step(bench: Bench) -> object:
        return getattr(bench, act)(getattr(bench.bus.keys, key), *arguments)

    step.__name__ = f"{act} {key}{arguments}"
    return step


def committed(
    epoch: int = 1,
    before: str = "0-0",
    after: str = "7-0",
    decisions: tuple[str, ...] = ("7-0",),
    status: dict[str, str] | None = None,
) -> Step:
    """A commit of one event."""
    return called(
        "commit",
        epoch=epoch,
        before=StreamId.parse(before),
        after=StreamId.parse(after),
        chain=CHAIN,
        events=1,
        decisions=[(StreamId.parse(at), TICK) for at in decisions],
        status=status or {},
    )


def stands(bench: Bench) -> object:
    """Whether a yes holds, the time apart."""
    return bench.bus.standing("ann")[1:]


LEAD = called("take_lead", "ann", 60_000)
LOOKS = [
    called("head"),
    called("leader"),
    called("standby"),
    called("status"),
    called("snapshot"),
    called("archived"),
    called("extent"),
    called("decisions_extent"),
    called("events_before", StreamId(7, 0), count=2),
    called("notifiers", ["discord", "log"]),
    called("last_event"),
    called("last_decision"),
    called("last_pull"),
    called("last_pull_id"),
    stands,
    called("events_after", ORIGIN, count=9),
    called("decisions_after", ORIGIN, count=9),
    called("decisions_of", StreamId(7, 0)),
    called("orders_after", StreamId(0, 1), ORIGIN, count=9, block_ms=1),
    called("lost", [StreamId(5, 0), StreamId(7, 0)]),
    called("beats", ["ann", "bob"]),
]

EXAMPLES: dict[str, list[Step]] = {
    "nothing is there": LOOKS,
    "events by the server's rules": [
        *(called("append", TICK, at_time(5)) for _ in range(2)),
        called("append", NOTE, "5-7"),
        called("append", NOTE, "5-7"),
        called("append", NOTE, "4-*"),
        called("append", NOTE, "6"),
        called("append", NOTE, "0-0"),
        called("append", NOTE, "rubbish"),
        called("append", [], "9-0"),
        called("append", ["odd"], "9-0"),
        *LOOKS,
    ],
    "the first of all": [called("append", TICK, "0-*"), called("append", TICK, "0-*"), *LOOKS],
    "a millisecond that is full": [
        called("append", TICK, f"5-{_LARGEST}"),
        called("append", TICK, "5-*"),
        called("append", TICK, "6-*"),
    ],
    "a stream that is full": [
        called("append", TICK, f"{_LARGEST}-{_LARGEST}"),
        called("append", TICK),
        called("append", TICK, "7-0"),
    ],
    "after the end of the world": [
        called("append", TICK, f"{_LARGEST - 1}-{_LARGEST}"),
        called("append", TICK),
        called("append", TICK),
    ],
    "a lease that lapsed": [
        LEAD,
        by_hand("delete", "leader"),
        called("keep_lead", "ann", 60_000, 2),
        called("keep_lead", "ann", 0, 1),
        called("keep_lead", "ann", 60_000, 1),
        called("leader"),
        called("keep_lead", "bob", 60_000, 1),
        by_hand("delete", "leader"),
        called("take_lead", "bob", 60_000),
        by_hand("delete", "leader"),
        called("keep_lead", "ann", 60_000, 1),
        *LOOKS,
    ],
    "the lease": [
        called("keep_lead", "ann", 1000),
        LEAD,
        called("take_lead", "bob", 60_000),
        LEAD,
        called("keep_lead", "bob", 0),
        called("keep_lead", "ann", 60_000),
        *LOOKS,
        called("keep_lead", "ann", 0),
        called("take_lead", "bob", 60_000),
    ],
    "a leader's own words, and an earlier leader's": [
        called("lead_append", NOTE, at_time(5), epoch=1),
        LEAD,
        called("lead_append", NOTE, at_time(5), epoch=1),
        LEAD,
        called("lead_append", NOTE, at_time(5), epoch=1),
        called("lead_append", NOTE, at_time(5), epoch=2),
        called("lead_append", NOTE, at_time(4), epoch=2),
        by_hand("put_text", "head", "text"),
        called("lead_append", NOTE, at_time(9), epoch=2),
        *LOOKS,
    ],
    "commits that fit and do not": [
        committed(),
        LEAD,
        committed(status={"halted": "true", "a": "1"}),
        committed(),
        committed(epoch=2, before="7-0"),
        committed(before="7-0", after="8-0", decisions=("7-0", "8-0")),
        committed(before="7-0", after="8-0", decisions=("8-0", "8-1"), status={"a": "2"}),
        committed(before="8-0", after="9-0", decisions=()),
        *LOOKS,
    ],
    "half a batch": [LEAD, committed(decisions=("7-5", "7-4"))],
    "decisions that are none": [by_hand("put_text", "decisions", "text"), LEAD, committed(), called("head")],
    "a status that is none": [
        LEAD,
        by_hand("put_text", "status", "text"),
        called("status"),
        committed(decisions=()),
        called("status"),
        committed(before="7-0", status={"a": "1"}),
        called("status"),
    ],
    "a head that is none": [by_hand("put_text", "head", "text"), LEAD, called("leader"), *LOOKS],
    "a head of rubbish": [
        by_hand("put_hash", "head", {"epoch": "x"}),
        LEAD,
        called("leader"),
        called("head"),
        by_hand("put_hash", "head", {"epoch": "1", "cursor": "x"}),
        called("head"),
        by_hand("put_hash", "head", {"epoch": "1", "folded": "x"}),
        called("head"),
        committed(),
    ],
    "a lease that is none": [
        by_hand("put_hash", "leader", {"a": "b"}),
        LEAD,
        called("keep_lead", "ann", 5),
        called("leader"),
    ],
    "the standby": [
        called("stand_by", "bob", 60_000),
        called("stand_by", "cem", 60_000),
        called("standby"),
        by_hand("put_hash", "standby", {"a": "b"}),
        called("standby"),
        called("stand_by", "bob", 60_000),
        *LOOKS,
    ],
    "the head's notes": [called("remember_server", "run 1"), called("head"), LEAD, called("head"), LEAD],
    "a loss answered for before anybody led": [
        called("append", NOTE, f"{2**62}-0"),
        called("acknowledge", TICK, cursor=ORIGIN, folded=0, folded_from_now=2, cut_off=False),
        called("head"),
        LEAD,
    ],
    "losses answered for": [
        LEAD,
        committed(),
        called("acknowledge", TICK, cursor=ORIGIN, folded=1, folded_from_now=0, cut_off=False),
        called("acknowledge", TICK, cursor=StreamId(7, 0), folded=0, folded_from_now=0, cut_off=False),
        committed(before="7-0", after=f"{2**62}-0", decisions=()),
        called("acknowledge", TICK, cursor=StreamId(2**62, 0), folded=2, folded_from_now=0, cut_off=True),
        called("head"),
    ],
    "snapshots": [
        called("save_snapshot", "one"),
        called("save_snapshot", "two"),
        called("snapshot"),
        by_hand("put_hash", "snapshot", {"a": "b"}),
        called("snapshot"),
        called("save_snapshot", "three"),
        called("snapshot"),
    ],
    "heartbeats": [
        called("beat", "ann", "s1", 60_000),
        called("beats", ["bob", "ann"]),
        called("beat", "ann", "s2", 60_000),
        called("beats", ["ann"]),
        called("beats", []),
    ],
    "an archive": [by_hand("put_hash", "archive", {"up_to": "5-0", "folder": "old"}), called("archived")],
    "what is lost": [
        called("append", TICK, "5-0"),
        called("append", TICK, "7-0"),
        called("lost", [StreamId(5, 0), StreamId(7, 0)]),
        called("lost", [StreamId(4, 0), StreamId(6, 0), StreamId(8, 0), StreamId(7, 0)]),
        called("lost", []),
    ],
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_both_answer_alike(server: EmbeddedServer, example: str) -> None:
    compare(server, EXAMPLES[example])


_ids = st.sampled_from(["0-0", "0-1", "5-0", "5-1", "7-0", "7-1", "7-100", "8-0"])
_stamps = st.sampled_from(
    ["0-*", "5-*", "7-*", "5-1", "7-0", "7", "0-0", f"7-{_LARGEST}", "x-1", "-", "1-2-3"]
)
_who = st.sampled_from(["ann", "bob"])
_keys = st.sampled_from(["events", "decisions", "head", "status", "leader", "snapshot", "killswitch"])
_steps = st.one_of(
    st.builds(called, st.just("append"), st.sampled_from([TICK, NOTE]), _stamps),
    st.builds(called, st.just("take_lead"), _who, st.just(60_000)),
    st.builds(called, st.just("keep_lead"), _who, st.sampled_from([0, 60_000])),
    st.builds(
        committed,
        epoch=st.integers(0, 3),
        before=_ids,
        after=_ids,
        decisions=st.lists(_ids, max_size=3).map(tuple),
        status=st.dictionaries(st.sampled_from(["a", "halted"]), st.sampled_from(["true", ""]), max_size=2),
    ),
    st.builds(called, st.just("save_snapshot"), st.just("text")),
    st.builds(called, st.just("beat"), _who, st.just("s1"), st.just(60_000)),
    st.builds(by_hand, st.just("delete"), _keys),
    st.builds(by_hand, st.just("put_text"), _keys, st.just("text")),
    st.builds(by_hand, st.just("put_hash"), _keys, st.just({"epoch": "2", "cursor": "5-0"})),
    st.sampled_from(LOOKS),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_steps, min_size=5, max_size=30))
def test_both_answer_alike_in_whatever_order_they_are_asked(
    server: EmbeddedServer, steps: list[Step]
) -> None:
    compare(server, [*steps, *LOOKS])


# --- asked of each by itself ----------------------------------------------------------------------------


def test_the_servers_clock_stamps_what_has_no_stamp(bench: Bench) -> None:
    before = bench.bus.now_ms()
    first, second = bench.bus.append(TICK), bench.bus.append(TICK)
    assert before <= first.ms <= second.ms <= bench.bus.now_ms()
    assert bench.bus.events_after(ORIGIN, count=9) == [Entry(first, TICK), Entry(second, TICK)]


def test_an_event_after_one_from_the_future_comes_behind_it(bench: Bench) -> None:
    ahead = bench.bus.append(TICK, f"{bench.bus.now_ms() + 3_600_000}-3")
    assert bench.bus.append(TICK) == StreamId(ahead.ms, 4)
    assert (
        bench.bus.append(TICK, f"{ahead.ms}-{_LARGEST}") < bench.bus.append(TICK) == StreamId(ahead.ms + 1, 0)
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
    assert known == [False, None, ()]
    bench.bus.beat("ibs-ES", "s1", 60_000)
    reserved = "CL long 1 by ibs-CL, ES short 2 by ibs-ES, SI long 1 by other-ibs-ES"
    shown = {"halted": "true", "stopped_out": "false", "reserved": reserved}
    for step in (LEAD, committed(status=shown)):
        step(bench)
    later = bench.bus.standing("ibs-ES")
    assert later[1:] == (True, "s1", ("ES",))
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
    bench: Bench, cut_off: bool
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


def test_a_log_has_one_name_and_one_that_was_led_before_there_were_names_has_the_empty_one(
    bench: Bench,
) -> None:
    bench.bus.take_lead("ann", 60_000)
    assert bench.bus.log_name() == bench.bus.log_name() != ""
    bench.delete(bench.bus.keys.log)
    assert bench.bus.log_name() == ""


_MADE_OF_OTHERS = {
    *("events_after", "decisions_after", "published_after"),
    *("last_event", "last_decision", "last_pull_id", "pull_killswitch"),
}


def test_everything_the_bus_can_do_it_can_do_in_memory() -> None:
    public = {name for name in dir(Bus) if not name.startswith("_")}
    assert public - set(vars(MemoryBus)) == _MADE_OF_OTHERS


def test_a_lease_from_before_the_clock_was_put_back_is_not_waited_for(bench: Bench) -> None:
    bench.bus.take_lead("ann", 3_600_000)
    assert bench.bus.take_lead("bob", 10).holder == "ann"
    bench.until(lambda: bench.bus.leader() is None, "the end of the lease")
    assert bench.bus.take_lead("bob", 10).epoch == 2


def test_a_lease_that_somebody_set_by_hand_ends_too(bench: Bench) -> None:
    bench.put_text(bench.bus.keys.leader, "ann")
    assert bench.bus.take_lead("bob", 10).holder == "ann"
    bench.until(lambda: bench.bus.leader() is None, "the end of the lease")
