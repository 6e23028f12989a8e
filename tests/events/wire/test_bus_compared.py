"""The bus in memory is the bus: whatever is asked of both, in whatever order, they answer alike.

The real server is the measure.
"""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import at_time
from portfold.events.wire.errors import BusError
from tests.events.wire.bench import (
    LARGEST,
    LEAD,
    LIMITS,
    NOTE,
    TICK,
    Bench,
    MemoryBench,
    ServerBench,
    Step,
    called,
    committed,
)
from tests.server import EmbeddedServer

_WHERE = re.compile(r" script: .*|Command # \d+ \(.*\) of pipeline caused error: |(?<=: )ERR ")
"""What the server and its client add to a refusal: where it was."""


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


def by_hand(act: str, key: str, *arguments: Any) -> Step:
    """Does something to a key of this portfolio."""

    def step(bench: Bench) -> object:
        return getattr(bench, act)(getattr(bench.bus.keys, key), *arguments)

    step.__name__ = f"{act} {key}{arguments}"
    return step


def stands(bench: Bench) -> object:
    """Whether a yes holds, the time apart."""
    return bench.bus.standing("ann")[1:]


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
        called("append", TICK, f"5-{LARGEST}"),
        called("append", TICK, "5-*"),
        called("append", TICK, "6-*"),
    ],
    "a stream that is full": [
        called("append", TICK, f"{LARGEST}-{LARGEST}"),
        called("append", TICK),
        called("append", TICK, "7-0"),
    ],
    "after the end of the world": [
        called("append", TICK, f"{LARGEST - 1}-{LARGEST}"),
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
        called("lead_append", LIMITS, at_time(6), epoch=2, limits_known_to=StreamId(5, 0)),
        called("lead_append", LIMITS, at_time(7), epoch=2, limits_known_to=StreamId(5, 0)),
        called("lead_append", LIMITS, at_time(7), epoch=2, limits_known_to=StreamId(6, 0)),
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
    "an archive": [
        by_hand("put_hash", "archive", {"up_to": "5-0", "folder": "old"}),
        called("archived"),
        by_hand("put_hash", "archive", {"up_to": "6-0", "folder": "new", "kept_from": "7-0"}),
        called("archived"),
    ],
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
    ["0-*", "5-*", "7-*", "5-1", "7-0", "7", "0-0", f"7-{LARGEST}", "x-1", "-", "1-2-3"]
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
