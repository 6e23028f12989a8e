"""The fold itself: total, exact whatever arithmetic its caller uses, and honest about what it refused."""

from decimal import Decimal, getcontext, localcontext

import pytest

from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.state import State
from portfold.events.codec import decode_event
from portfold.events.decisions import EventRejected
from portfold.events.incoming import ClockTicked, Malformed
from portfold.events.stream_id import StreamId
from tests.coordinator.story import Story, code, each, limits, only


def test_the_callers_arithmetic_is_neither_used_nor_touched() -> None:
    story = Story()
    story.enters("ES", "CL")
    with localcontext(prec=3):
        story.closes("ES", pnl="1234.56")
        story.closes("CL", pnl="-0.07")
        assert getcontext().prec == 3
    assert story.pnl == Decimal("1234.49")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([], "type: missing"),
        (["type", "Nonsense"], "type: expected one of"),
        (["type", "EntryRequested"], "EntryRequested.worker: missing"),
        (["type", "ClockTicked", "type", "ClockTicked"], "ClockTicked"),
        (["type", "TradingHalted", "by", "x\x1b[2J", "reason", ""], "TradingHalted.by: expected"),
        (["\udcff", "\udcff"], "type: missing"),
    ],
)
def test_what_is_no_event_is_rejected_with_the_reason(fields: list[str], reason: str) -> None:
    rejected = only(EventRejected, Story().hears(decode_event(fields)))
    assert rejected.reason.startswith(reason)


def test_a_reason_longer_than_a_decision_carries_is_cut() -> None:
    rejected = only(EventRejected, Story().hears(Malformed(reason="x" * 9999, type="y" * 9999)))
    assert (len(rejected.reason), len(rejected.rejected)) == (500, 500)


@pytest.mark.parametrize(("fold_version", "refused"), [(4, 2), (5, 0)])
def test_up_to_version_4_what_5_brought_was_no_event(fold_version: int, refused: int) -> None:
    story = Story()
    story.starts("ibs-ES", symbols="ES")
    story.asks("ES")
    story.state.fold_version = fold_version
    decisions = story.renews("ES")
    story.loses_worker("ibs-ES")
    story.withdraws("ES")
    decisions += story.retires("ibs-ES")
    assert [type(decision) for decision in decisions] == [EventRejected] * refused
    assert all("type: expected one of" in one.reason for one in each(EventRejected, decisions))


def test_whatever_is_refused_is_counted() -> None:
    story = Story()
    story.hears(decode_event([]))
    story.marks("ES", "-1")
    story.loses_worker("nobody")
    story.enters("ES")
    assert story.state.stats.events_rejected == 3


@pytest.mark.parametrize(
    "ids",
    [
        [StreamId(0, 1), StreamId(0, 2), StreamId(1, 0)],
        [StreamId(0, 2**64 - 1), StreamId(2**53, 2**64 - 1), StreamId(2**64 - 1, 2**64 - 1)],
    ],
    ids=["the smallest", "the largest"],
)
def test_any_id_is_a_time(ids: list[StreamId]) -> None:
    state = State()
    fold(state, ids[0], limits())
    for at in ids[1:]:
        fold(state, at, ClockTicked())
    assert state.day.ends_ms > ids[-1].ms


def test_before_anything_was_said_there_is_nothing_to_say() -> None:
    story = Story()
    story.state = State()
    assert story.after(1) == []
    assert code(story.asks("ES")) == "halted"
