"""Laws of the fold: what holds for every log, however its events collide."""

from fractions import Fraction
from typing import cast

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from msgspec import structs

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.fold.state import (
    POSITIONS_HELD,
    State,
    leg_key,
)
from portfold.events.account import FlatUnconfirmed
from portfold.events.codec import decode_decision, encode, encode_checked
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    PortfolioFlat,
    PositionMismatch,
    StopLossTriggered,
)
from portfold.events.incoming import ClockTicked, EntryRequested, Malformed, TradingResumed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import DECISIONS_PER_EVENT, StreamId
from tests.coordinator.random_logs import Log, Moment, logs, moments
from tests.coordinator.story import each

laws = settings(max_examples=120)
always_alike = settings(phases=[Phase.generate], max_examples=1000, database=None, derandomize=True)
_LATEST_MS = 2**64 - 1


def _again(moment: Moment) -> StreamId:
    return StreamId(moment.at.ms, moment.at.seq + 1)


def _resumed_by_force(moment: Moment) -> bool:
    event = moment.event
    refused = bool(each(EventRejected, moment.decisions))
    return isinstance(event, TradingResumed) and event.force and not refused


def _copy(state: State) -> State:
    """The state as it comes back from a snapshot."""
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


# --- answers ----------------------------------------------------------------------------------------------


@laws
@given(logs)
def test_every_event_gives_decisions_that_fit_and_can_be_read(log: Log) -> None:
    for moment in moments(log):
        assert len(moment.decisions) <= DECISIONS_PER_EVENT
        for decision in moment.decisions:
            assert decode_decision(encode(decision)) == decision


@laws
@given(logs)
def test_every_request_is_answered_once_and_a_repeat_alike(log: Log) -> None:
    for moment in moments(log):
        if isinstance(moment.event, EntryRequested):
            [answer] = _answers(moment.decisions)
            [again] = _answers(fold(moment.state, _again(moment), moment.event))
            assert _without_repeats(again) == _without_repeats(answer)


def _answers(decisions: list[Decision]) -> list[Decision]:
    return [one for one in decisions if isinstance(one, EntryAllowed | EntryDenied | EventRejected)]


def _without_repeats(answer: Decision) -> Decision:
    return answer if isinstance(answer, EventRejected) else structs.replace(answer, repeats="")


# --- limits -----------------------------------------------------------------------------------------------


@laws
@given(logs)
def test_no_grant_exceeds_the_limits(log: Log) -> None:
    for moment in moments(log):
        state = moment.state
        if any(not answer.repeats for answer in each(EntryAllowed, moment.decisions)):
            assert state.limits is not None
            assert len({*state.positions, *state.reservations}) <= state.limits.max_positions
            weights = {symbol: Fraction(weight) for symbol, weight in state.limits.weights.items()}
            held = sum(one.size * weights.get(one.symbol, 1) for one in state.positions.values())
            reserved = sum(one.size * weights.get(one.symbol, 1) for one in state.reservations.values())
            assert held + reserved <= state.limits.max_contracts


@laws
@given(logs)
def test_after_a_stop_no_entry_before_a_later_day_with_a_flat_book_or_a_forced_resume(
    log: Log,
) -> None:
    stopped_on = ""
    for moment in moments(log):
        today = moment.state.day.date
        if stopped_on and today > stopped_on and not moment.open_before:
            stopped_on = ""
        if _resumed_by_force(moment):
            stopped_on = ""
        assert not (stopped_on and each(EntryAllowed, moment.decisions))
        if each(StopLossTriggered, moment.decisions):
            stopped_on = today


@laws
@given(logs)
def test_no_entry_is_allowed_while_halted_and_only_a_resume_lifts_a_halt(log: Log) -> None:
    for moment in moments(log):
        lifted = moment.halted_before and moment.state.halt is None
        if lifted:
            assert isinstance(moment.event, TradingResumed)
        if moment.halted_before and not lifted:
            fresh = [answer for answer in each(EntryAllowed, moment.decisions) if not answer.repeats]
            assert fresh == []


# --- the way to flat --------------------------------------------------------------------------------------


@laws
@given(logs)
def test_after_a_stop_everything_that_is_open_is_on_the_list_to_close(log: Log) -> None:
    for moment in moments(log):
        state = moment.state
        if state.stop is not None or (state.halt is not None and state.halt.flatten):
            left = state.flatten.left if state.flatten is not None else []
            assert sorted(state.positions) == sorted(left)


@laws
@given(logs)
def test_every_flatten_ends_or_is_overdue_on_record(log: Log) -> None:
    under_way: set[str] = set()
    overdue_on_record: set[str] = set()
    state, now = State(), 0
    for moment in moments(log, state):
        now = moment.at.ms
        _follow(under_way, moment.decisions)
        overdue_on_record |= {overdue.episode for overdue in each(FlattenOverdue, moment.decisions)}
        overdue_on_record |= {unconfirmed.episode for unconfirmed in each(FlatUnconfirmed, moment.decisions)}
        assert under_way == ({state.flatten.episode} if state.flatten is not None else set())
        if state.flatten is not None and now >= state.flatten.deadline_ms:
            assert state.flatten.episode in overdue_on_record
    if state.flatten is not None:
        due_ms = max(now + 1, state.flatten.next_reminder_ms)
        left = len(state.flatten.left)
        decided = fold(state, StreamId(due_ms, 0), ClockTicked())
        reminded = each(FlattenOverdue, decided) if left else each(FlatUnconfirmed, decided)
        assert {one.episode for one in reminded} == under_way
        assert sum(len(one.positions.split(" ")) for one in each(FlattenOverdue, decided)) == left


@laws
@given(logs)
def test_whatever_is_to_be_closed_somebody_alive_was_told_to_close(log: Log) -> None:
    """Its owner, or, once that is gone, the flattener; and the owner anew when it is back."""
    told: dict[str, set[str]] = {"owner": set(), "flattener": set()}
    present: dict[str, bool] = {}
    for moment in moments(log):
        state = moment.state
        now_present = {name: worker.presence == "up" for name, worker in state.workers.items()}
        changed = {name for name, up in now_present.items() if present.get(name, False) != up}
        present = now_present
        for keys in told.values():
            keys -= {key for key in keys if key.rpartition(":")[2] in changed or key not in state.positions}
        for decision in moment.decisions:
            if isinstance(decision, StopLossTriggered | FlattenOrdered):
                told["owner"] |= _keys(decision.positions)
            if isinstance(decision, FlattenHandedOver):
                told["flattener"] |= _keys(decision.positions)
        for key in state.flatten.left if state.flatten is not None else []:
            alive = present.get(state.positions[key].worker, False)
            assert key in told["owner" if alive else "flattener"]


def _keys(legs: str) -> set[str]:
    return {leg_key(leg.symbol, leg.side, leg.worker) for leg in parse_legs(legs)}


def _follow(under_way: set[str], decisions: list[Decision]) -> None:
    """Keeps the episodes that began and have not ended."""
    for decision in decisions:
        if isinstance(decision, StopLossTriggered | FlattenOrdered):
            under_way.add(decision.episode)
        if isinstance(decision, PortfolioFlat):
            under_way.remove(decision.episode)


# --- one log, one outcome ---------------------------------------------------------------------------------


@laws
@given(logs)
def test_folding_twice_gives_the_same_and_a_snapshot_anywhere_changes_nothing(log: Log) -> None:
    straight, kept, restored = State(), State(), State()
    for at, event in log:
        expected = [encode(decision) for decision in fold(straight, at, event)]
        assert [encode(decision) for decision in fold(kept, at, event)] == expected
        assert [encode(decision) for decision in fold(restored, at, event)] == expected
        restored = _copy(restored)
    assert msgspec.json.encode(straight) == msgspec.json.encode(kept) == msgspec.json.encode(restored)


@laws
@given(logs)
def test_what_is_written_and_read_is_folded_alike(log: Log) -> None:
    """The logs of these tests are logs that a stream could hold."""
    for _, event in log:
        if not isinstance(event, Malformed):
            encode_checked(event)


@laws
@given(logs)
def test_nothing_falls_due_before_the_next_deadline(log: Log) -> None:
    for moment in list(moments(log))[-1:]:
        state, now = moment.state, moment.at.ms
        deadline = next_deadline(state)
        assert deadline is not None
        if deadline > now + 1:
            before = _copy(state)
            assert fold(before, StreamId(deadline - 1, 0), ClockTicked()) == []
            assert before == state
        if deadline <= _LATEST_MS:
            due = max(now + 1, deadline)
            for later in range(POSITIONS_HELD):  # what is due together is told a few at a time
                fold(state, StreamId(due + later, 0), ClockTicked())
            assert cast(int, next_deadline(state)) > deadline


@laws
@given(logs)
def test_the_state_holds_after_every_event(log: Log) -> None:
    for moment in moments(log):
        check(moment.state, moment.at, moment.event)
        for worker in moment.state.workers.values():
            assert set(worker.said) <= set(worker.seqs)


# --- the laws are about something -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        EntryAllowed,
        EntryDenied,
        StopLossTriggered,
        FlattenHandedOver,
        FlattenOverdue,
        PortfolioFlat,
        EventRejected,
    ],
)
def test_random_logs_reach(kind: type[Decision]) -> None:
    """Each decision that matters does happen among them, or the laws above would hold for nothing."""
    assert find(
        logs,
        lambda log: any(each(kind, moment.decisions) for moment in moments(log)),
        settings=always_alike,
    )


@pytest.mark.parametrize("kind", ["late_fill", "late_close"])
def test_random_logs_reach_late_reports(kind: str) -> None:
    def reaches(log: Log) -> bool:
        mismatches = [one for moment in moments(log) for one in each(PositionMismatch, moment.decisions)]
        return any(one.kind == kind for one in mismatches)

    assert find(logs, reaches, settings=always_alike)
