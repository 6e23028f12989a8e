"""Flattening: what must go, each close ticked off, no end before all are closed, and no giving up."""

import pytest

from portfold.coordinator.fold.closing.flatten import LONGEST_REMINDER_MS
from portfold.events.decisions import (
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    LimitBreached,
    PortfolioFlat,
    StopLossTriggered,
)
from tests.coordinator.story import HOUR, SECOND, Story, code, each, kinds, only


def stopped_with(*symbols: str) -> Story:
    """The stop fell while these were open."""
    story = Story()
    story.enters("6A", *symbols)
    story.closes("6A", pnl="-2500")
    assert story.stopped_out
    return story


# --- from the stop to flat --------------------------------------------------------------------------------


def test_the_stop_lists_what_must_go_and_what_must_not_fill() -> None:
    story = Story()
    story.enters("ES", "CL", "6A")
    story.asks("SI")
    triggered = only(StopLossTriggered, story.closes("6A", pnl="-2500"))
    assert triggered.open_positions == 2
    assert triggered.positions == "CL:long:1:ibs-CL ES:long:1:ibs-ES"
    assert triggered.pending == "SI:long:1:ibs-SI"
    assert triggered.deadline_ms == story.ms + 10 * SECOND


def test_each_close_is_ticked_off_and_the_last_one_ends_it() -> None:
    story = stopped_with("ES", "CL")
    began = story.ms
    assert story.closes("ES") == []
    flat = only(PortfolioFlat, story.closes("CL"))
    assert (flat.cause, flat.took_ms) == ("daily stop loss", story.ms - began)
    assert story.state.flatten is None


def test_a_stop_while_a_lost_workers_position_is_flattened_joins_that_and_gives_it_its_name() -> None:
    story = Story(on_worker_lost="flatten")
    story.enters("ES", "CL", "6A")
    ordered = only(FlattenOrdered, story.loses_worker("ibs-ES"))
    triggered = only(StopLossTriggered, story.closes("6A", pnl="-2500"))
    assert triggered.episode == ordered.episode
    story.closes("CL")
    flat = only(PortfolioFlat, story.closes("ES", worker="flattener", owner="ibs-ES"))
    assert flat.cause == "daily stop loss"


def test_a_partial_close_ticks_nothing_off() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.flatten()
    assert story.closes("ES", size=1) == []
    assert kinds(story.closes("ES", size=1)) == ["PortfolioFlat"]


def test_with_nothing_open_it_ends_at_once() -> None:
    assert kinds(Story().flatten()) == ["FlattenOrdered", "PortfolioFlat"]


def test_the_stop_takes_reserved_slots_back() -> None:
    story = Story()
    story.enters("6A")
    story.asks("ES")
    story.closes("6A", pnl="-2500")
    assert story.state.reservations == {}


# --- what still fills -------------------------------------------------------------------------------------


def test_what_still_fills_is_ordered_flat_at_once_in_the_same_episode() -> None:
    story = Story()
    story.enters("6A", "CL")
    story.asks("ES")
    triggered = only(StopLossTriggered, story.closes("6A", pnl="-2500"))
    ordered = only(FlattenOrdered, story.fills("ES"))
    assert (ordered.episode, ordered.positions) == (triggered.episode, "ES:long:1:ibs-ES")
    assert story.closes("CL") == []
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_what_fills_after_the_end_begins_another_episode() -> None:
    story = stopped_with()
    first = story.state.stop.since if story.state.stop else ""
    ordered = only(FlattenOrdered, story.fills("ES"))
    assert ordered.episode > first
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_what_is_settled_open_after_the_stop_is_ordered_flat() -> None:
    story = stopped_with("CL")
    assert only(FlattenOrdered, story.settle("ES", 2)).positions == "ES:long:2:ibs-ES"
    story.closes("CL")
    assert kinds(story.closes("ES", size=2)) == ["PortfolioFlat"]


def test_what_fills_after_an_ordered_flatten_is_ordered_flat_until_a_resume() -> None:
    story = Story()
    story.flatten()
    assert only(FlattenOrdered, story.fills("ES")).positions == "ES:long:1:ibs-ES"
    story.closes("ES")
    story.resume()
    assert each(FlattenOrdered, story.fills("CL")) == []


def test_a_halt_alone_closes_nothing() -> None:
    story = Story()
    story.asks("ES")
    story.halt()
    assert story.fills("ES") == []


# --- ordered by hand --------------------------------------------------------------------------------------


def test_ordered_by_hand_it_halts_and_names_everything() -> None:
    story = Story()
    story.enters("ES")
    story.asks("CL")
    ordered = only(FlattenOrdered, story.flatten())
    assert (ordered.cause, ordered.everything) == ("ordered by ann", True)
    assert (ordered.positions, ordered.pending) == ("ES:long:1:ibs-ES", "CL:long:1:ibs-CL")
    assert code(story.asks("SI")) == "halted"


def test_it_works_halted_stopped_out_and_again() -> None:
    story = stopped_with("ES")
    story.halt()
    episode = story.state.flatten.episode if story.state.flatten else ""
    for _ in range(3):
        assert only(FlattenOrdered, story.flatten()).episode == episode
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_it_works_without_limits() -> None:
    story = Story()
    story.state.limits = None
    story.fills("ES")
    assert "FlattenOrdered" in kinds(story.flatten())
    assert "FlattenOverdue" in kinds(story.after(10 * SECOND))


def test_a_halt_by_hand_afterwards_still_closes_what_fills() -> None:
    story = Story()
    story.flatten()
    story.halt()
    assert each(FlattenOrdered, story.fills("ES"))


def test_a_resume_waits_until_everything_is_closed() -> None:
    story = Story()
    story.enters("ES")
    story.flatten()
    assert "still being flattened" in only(EventRejected, story.resume()).reason
    story.closes("ES")
    assert story.resume() == []
    assert code(story.asks("ES")) == "allowed"


# --- overdue ----------------------------------------------------------------------------------------------


def test_overdue_at_the_deadline_and_not_one_ms_before() -> None:
    story = stopped_with("ES", "CL")
    story.closes("CL")
    deadline = story.state.flatten.deadline_ms if story.state.flatten else 0
    assert story.at(deadline - 1) == []
    overdue = only(FlattenOverdue, story.at(deadline))
    assert (overdue.reminder, overdue.late_ms, overdue.positions) == (1, 0, "ES:long:1:ibs-ES")


def test_reminders_come_at_growing_intervals_and_never_end() -> None:
    story = stopped_with("ES")
    gaps = []
    for _ in range(14):
        next_ms = story.state.flatten.next_reminder_ms if story.state.flatten else 0
        assert story.at(next_ms - 1) == []
        gaps.append(only(FlattenOverdue, story.at(next_ms)).next_ms - next_ms)
    assert gaps[:4] == [10 * SECOND, 20 * SECOND, 40 * SECOND, 80 * SECOND]
    assert gaps == sorted(gaps)
    assert gaps[-1] == LONGEST_REMINDER_MS
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_what_joins_a_long_overdue_episode_does_not_wait_for_its_next_rare_reminder() -> None:
    story = stopped_with("ES")
    for _ in range(20):
        story.after(HOUR)
    story.fills("CL")
    joined = story.ms
    assert story.at(joined + 10 * SECOND - 1) == []
    overdue = only(FlattenOverdue, story.at(joined + 10 * SECOND))
    assert overdue.positions == "CL:long:1:ibs-CL ES:long:1:ibs-ES"
    assert overdue.next_ms == story.ms + 10 * SECOND


@pytest.mark.parametrize(("fold", "reminder"), [(5, 1), (6, 4)])
def test_what_joins_does_not_put_off_the_reminder_by_which_what_hangs_is_taken_over(
    fold: int, reminder: int
) -> None:
    """Version 5 began to count anew."""
    story = stopped_with("ES")
    story.state.fold_version = fold
    for _ in range(3):
        story.after(100 * SECOND)
    story.fills("CL")
    (overdue,) = each(FlattenOverdue, story.after(10 * SECOND))
    assert (overdue.reminder, overdue.next_ms) == (reminder, story.ms + 10 * SECOND)


def test_shorter_deadlines_from_now_on_are_never_late_before_their_time() -> None:
    story = stopped_with("ES")
    story.change_limits(flatten_ms=1)
    story.fills("CL")
    assert story.after(1) == []


# --- whose it is ------------------------------------------------------------------------------------------


def test_what_a_lost_worker_holds_is_handed_over_with_the_stop() -> None:
    story = Story()
    story.enters("6A", "ES", "CL")
    story.loses_worker("ibs-ES")
    decisions = story.closes("6A", pnl="-2500")
    assert kinds(decisions) == ["StopLossTriggered", "FlattenHandedOver"]
    assert only(FlattenHandedOver, decisions).positions == "ES:long:1:ibs-ES"


def test_what_a_worker_holds_that_is_lost_after_the_stop_is_handed_over_then() -> None:
    story = stopped_with("ES", "CL")
    handed = only(FlattenHandedOver, story.loses_worker("ibs-ES"))
    assert handed.positions == "ES:long:1:ibs-ES"


def test_what_was_not_ordered_closed_is_not_handed_over_when_its_worker_goes() -> None:
    story = Story(on_worker_lost="flatten")
    story.enters("ES", "CL")
    assert only(FlattenHandedOver, story.loses_worker("ibs-ES")).positions == "ES:long:1:ibs-ES"
    assert story.stops("ibs-CL") == []


def test_what_nobody_announced_holds_is_handed_over() -> None:
    """An entry written by hand: no process listens for the order to close it."""
    story = Story()
    story.asks("ES", worker="by-hand")
    story.fills("ES", worker="by-hand")
    assert kinds(story.flatten()) == ["FlattenOrdered", "FlattenHandedOver"]


def test_what_a_worker_leaves_that_stops_during_it_is_handed_over() -> None:
    story = stopped_with("ES")
    assert kinds(story.stops("ibs-ES")) == ["FlattenHandedOver"]


def test_an_old_process_that_ends_leaves_its_successors_positions_alone() -> None:
    story = Story()
    story.starts("ibs-ES", session="s1")
    story.enters("ES", "6A")
    story.starts("ibs-ES", session="s2", positions="ES:long:1:100")
    story.closes("6A", pnl="-2500")
    assert story.stops("ibs-ES", session="s1") == []


def test_the_flattener_closes_in_the_owners_name_and_the_woken_owner_is_refused() -> None:
    story = stopped_with("ES")
    story.loses_worker("ibs-ES")
    assert kinds(story.closes("ES", worker="flattener", owner="ibs-ES")) == ["PortfolioFlat"]
    assert kinds(story.closes("ES")) == ["EventRejected"]


def test_a_late_fill_of_a_lost_worker_is_handed_over_at_once() -> None:
    story = stopped_with("CL")
    story.starts("ibs-ES")
    story.loses_worker("ibs-ES")
    decisions = story.fills("ES")
    assert kinds(decisions) == ["LimitBreached", "FlattenOrdered", "FlattenHandedOver"]
    assert only(LimitBreached, decisions).code == "ungranted"


def test_a_worker_that_was_away_is_told_when_it_is_back() -> None:
    story = stopped_with("ES")
    story.loses_worker("ibs-ES")
    decisions = story.starts("ibs-ES", session="s2", positions="ES:long:1:100")
    assert kinds(decisions) == ["PositionAdopted", "FlattenOrdered"]
