"""Who is lost or stops: what becomes of its slots and positions, and what the others may do meanwhile."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.state import contracts_used, slots_used
from portfold.events.decisions import (
    EntryDenied,
    EntryExpired,
    EventRejected,
)
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from tests.coordinator.story import DAY, Story, code, each, kinds, only
from tests.seen import texts_of


def lost_after_a_grant(**changed: Any) -> Story:
    """ibs-CL is granted CL and falls silent: nobody knows whether it was filled."""
    story = Story(**changed)
    story.starts("ibs-CL")
    assert code(story.asks("CL")) == "allowed"
    assert story.loses_worker("ibs-CL") == []
    return story


def test_a_lost_worker_keeps_its_slot_however_long_it_is_away() -> None:
    story = lost_after_a_grant(max_positions=1)
    assert story.after(DAY) != []
    assert code(story.asks("CL", worker="another")) == "symbol_pending"
    answer = story.asks("ES", worker="another")
    assert code(answer) == "max_positions"
    assert "Kept, may be filled unreported: CL" in cast(EntryDenied, answer).reason
    assert next_deadline(story.state) == story.state.day.ends_ms


def test_who_is_denied_the_symbol_of_a_kept_slot_is_told_why_and_what_to_do() -> None:
    denied = lost_after_a_grant().asks("CL", worker="another")
    assert cast(EntryDenied, denied).reason == (
        "CL is kept for ibs-CL, which was lost and may have filled it unreported: "
        "start it again, or portfold settle"
    )


def test_the_status_shows_a_kept_slot() -> None:
    story = lost_after_a_grant()
    assert texts_of(story.state, StreamId(story.ms, 0))["unsettled"] == "CL of ibs-CL: maybe_filled"


@pytest.mark.parametrize(("holds", "now_open"), [("", []), ("CL:long:1:71", ["CL:long:1"])])
def test_a_kept_slot_ends_when_its_worker_tells_what_it_holds(holds: str, now_open: list[str]) -> None:
    story = lost_after_a_grant()
    decisions = story.starts("ibs-CL", session="s2", positions=holds)
    assert only(EntryExpired, decisions).reason == "the worker told what it holds"
    assert (story.open, slots_used(story.state), contracts_used(story.state)) == (
        now_open,
        len(now_open),
        len(now_open),
    )


def test_a_report_uses_a_kept_slot() -> None:
    story = lost_after_a_grant()
    assert story.fills("CL") == []
    assert (story.open, slots_used(story.state), story.state.reservations) == (["CL:long:1"], 1, {})


def test_a_close_of_the_flattener_uses_a_kept_slot_and_its_loss_counts() -> None:
    story = Story()
    story.enters("CL")
    story.closes("CL", pnl="100")
    story.asks("CL")
    story.loses_worker("ibs-CL")
    decisions = story.closes("CL", pnl="-3000", worker="flattener", owner="ibs-CL")
    assert kinds(decisions) == ["PositionMismatch", "StopLossTriggered", "PortfolioFlat"]
    assert (story.pnl, slots_used(story.state)) == (Decimal(-2900), 0)


def test_a_kept_slot_of_which_a_part_was_reported_keeps_the_rest() -> None:
    story = Story()
    story.starts("ibs-CL")
    story.asks("CL", size=3)
    story.fills("CL", size=1)
    story.loses_worker("ibs-CL")
    story.closes("CL", size=2, worker="flattener", owner="ibs-CL")
    assert (story.open, contracts_used(story.state)) == ([], 1)


def test_a_close_of_what_was_reported_uses_up_nothing_of_a_kept_slot() -> None:
    story = Story()
    story.starts("ibs-CL")
    story.asks("CL", size=3)
    story.fills("CL", size=2)
    story.loses_worker("ibs-CL")
    story.closes("CL", size=1, worker="flattener", owner="ibs-CL")
    assert (story.open, contracts_used(story.state)) == (["CL:long:1"], 2)
    story.closes("CL", size=1, worker="flattener", owner="ibs-CL")
    assert (story.open, contracts_used(story.state)) == ([], 1)


def test_a_lost_worker_that_stops_without_a_word_on_its_slot_keeps_it() -> None:
    story = lost_after_a_grant()
    assert story.stops("ibs-CL") == []
    assert code(story.asks("CL", worker="another")) == "symbol_pending"


@pytest.mark.parametrize("size", [0, 1])
def test_an_operator_settles_a_kept_slot_once(size: int) -> None:
    story = lost_after_a_grant()
    assert story.settle("CL", size) == []
    assert (slots_used(story.state), story.state.reservations) == (size, {})
    assert kinds(story.settle("CL", size)) == ["EventRejected"]


def test_a_stop_takes_a_kept_slot_back_from_nobody() -> None:
    story = lost_after_a_grant()
    story.closes("ES", pnl="-2500")
    assert story.state.stop is not None
    assert slots_used(story.state) == 1


def test_a_request_told_yes_before_its_worker_was_lost_is_not_told_yes_again() -> None:
    story = Story()
    story.starts("ibs-CL")
    request = story.next_of(EntryRequested, "ibs-CL", symbol="CL", side="long", size=1)
    story.hears(request)
    story.loses_worker("ibs-CL")
    assert [code(answer) for answer in each(EntryDenied, story.hears(request))] == ["reservation_over"]


def test_more_kept_slots_than_can_be_named_at_once_are_given_back_at_the_next_events() -> None:
    story = Story(max_positions=10, max_contracts=10, symbols=" ".join(f"S{n}" for n in range(10)))
    story.starts("bob")
    for number in range(10):
        assert code(story.asks(f"S{number}", worker="bob")) == "allowed"
    story.loses_worker("bob")
    assert len(each(EntryExpired, story.starts("bob", session="s2"))) == 8
    assert len(each(EntryExpired, story.after(1))) == 2


def test_version_3_freed_a_lost_workers_reservations() -> None:
    story = Story()
    story.state.fold_version = 3
    story.enters("ES")
    story.asks("CL", worker="ibs-ES")
    expired = only(EntryExpired, story.loses_worker("ibs-ES"))
    assert (expired.symbol, expired.reason) == ("CL", "the worker was lost")
    assert (slots_used(story.state), story.open) == (1, ["ES:long:1"])


def test_a_lost_worker_holds_or_flattens_as_the_limits_say() -> None:
    for policy, ordered in (("hold", []), ("flatten", ["FlattenOrdered", "FlattenHandedOver"])):
        story = Story(on_worker_lost=policy)
        story.enters("ES", "CL")
        assert kinds(story.loses_worker("ibs-ES")) == ordered
        assert story.open == ["CL:long:1", "ES:long:1"]


def test_before_any_limits_are_in_force_a_lost_workers_position_is_held() -> None:
    story = Story()
    story.state.limits = None
    story.fills("ES")
    assert story.loses_worker("ibs-ES") == []
    assert story.open == ["ES:long:1"]


def test_flattening_a_lost_workers_positions_halts_nobody_else() -> None:
    story = Story(on_worker_lost="flatten")
    story.enters("ES")
    story.loses_worker("ibs-ES")
    assert code(story.asks("CL")) == "allowed"
    assert kinds(story.closes("ES", worker="flattener", owner="ibs-ES")) == ["PortfolioFlat"]


def test_a_lost_worker_that_is_back_may_ask_again() -> None:
    story = Story()
    story.starts("ibs-ES", symbols="ES")
    story.loses_worker("ibs-ES")
    story.starts("ibs-ES", session="s1", symbols="ES")
    assert code(story.asks("ES")) == "allowed"


def test_a_lost_worker_that_stops_in_good_order_blocks_nobody() -> None:
    story = Story()
    story.starts("ibs-ES", symbols="ES CL")
    story.loses_worker("ibs-ES")
    story.stops("ibs-ES")
    assert code(story.asks("CL")) == "allowed"


def test_losing_a_session_that_was_replaced_is_rejected() -> None:
    story = Story()
    story.starts("ibs-ES", session="s1")
    story.starts("ibs-ES", session="s2")
    rejected = only(EventRejected, story.loses_worker("ibs-ES", session="s1"))
    assert rejected.reason == "WorkerLost: ibs-ES has no session s1 under way"
    assert code(story.asks("ES", session="s2")) == "allowed"


def test_losing_a_worker_that_stopped_meanwhile_is_rejected() -> None:
    story = Story()
    story.starts("ibs-ES", symbols="ES")
    story.stops("ibs-ES")
    assert kinds(story.loses_worker("ibs-ES")) == ["EventRejected"]
    assert code(story.asks("ES", worker="another")) == "allowed"


def test_losing_somebody_unknown_is_rejected() -> None:
    assert kinds(Story().loses_worker("nobody")) == ["EventRejected"]


def stopped_after_a_grant() -> Story:
    """ibs-CL is granted CL and ends without a word on it, as one does that fails between fill and report."""
    story = Story(max_positions=1)
    story.starts("ibs-CL", symbols="CL")
    assert code(story.asks("CL")) == "allowed"
    assert story.stops("ibs-CL") == []
    return story


def test_a_worker_that_stops_with_a_slot_keeps_it_and_the_status_asks() -> None:
    story = stopped_after_a_grant()
    story.after(DAY)
    assert code(story.asks("ES", worker="another")) == "max_positions"
    assert cast(EntryDenied, story.asks("CL", worker="another")).code == "symbol_pending"
    assert texts_of(story.state, StreamId(story.ms, 0))["unsettled"] == "CL of ibs-CL: maybe_filled"


def test_who_is_denied_the_symbol_of_a_stopped_workers_slot_is_told_why_and_what_to_do() -> None:
    story = stopped_after_a_grant()
    story.change_limits(max_positions=2)
    assert cast(EntryDenied, story.asks("CL", worker="another")).reason == (
        "CL is kept for ibs-CL, which stopped and may have filled it unreported: "
        "start it again, or portfold settle"
    )


def _settled(story: Story) -> None:
    story.settle("CL", 0)


def _told(story: Story) -> None:
    story.starts("ibs-CL", session="s2")


def _closed(story: Story) -> None:
    story.fills("CL")
    story.closes("CL", worker="flattener", owner="ibs-CL")


def _withdrawn_late(story: Story) -> None:
    story.withdraws("CL", worker="ibs-CL")


@pytest.mark.parametrize("how", [_settled, _told, _closed, _withdrawn_late])
def test_a_stopped_workers_slot_ends_once_it_is_known_what_became_of_it(how: Callable[[Story], None]) -> None:
    story = stopped_after_a_grant()
    how(story)
    assert (story.state.reservations, story.open) == ({}, [])
    assert code(story.asks("ES", worker="another")) == "allowed"


def test_who_gave_its_slot_back_before_it_stopped_keeps_none() -> None:
    story = Story()
    story.starts("ibs-ES")
    story.asks("ES")
    story.withdraws("ES")
    assert story.stops("ibs-ES") == []
    assert slots_used(story.state) == 0


def test_version_5_freed_the_slots_of_a_worker_that_stopped() -> None:
    story = Story()
    story.state.fold_version = 5
    story.starts("ibs-ES")
    story.asks("ES")
    assert only(EntryExpired, story.stops("ibs-ES")).reason == "the worker stopped"


def test_a_replaced_process_that_ends_frees_nothing_of_its_successor() -> None:
    story = Story()
    story.starts("ibs-ES", session="s1")
    story.starts("ibs-ES", session="s2")
    story.asks("ES", session="s2")
    assert story.stops("ibs-ES", session="s1") == []
    assert slots_used(story.state) == 1
    assert code(story.asks("CL", worker="ibs-ES", session="s2")) == "allowed"
