"""Operators: halt, resume, limits, and settling what is really held. (Flattening has its own file.)"""

from decimal import Decimal

import pytest

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import POSITIONS_HELD, State
from portfold.events.decisions import EventRejected
from portfold.events.incoming import CoordinatorStarted
from tests.coordinator.story import DAY, Story, code, each, kinds, limits, only

# --- halt and resume --------------------------------------------------------------------------------------


def test_a_halt_denies_entries_until_a_resume() -> None:
    story = Story()
    assert story.halt() == []
    assert code(story.asks("ES")) == "halted"
    assert story.resume() == []
    assert code(story.asks("ES")) == "allowed"


def test_a_halt_leaves_positions_and_reservations_alone() -> None:
    story = Story()
    story.enters("ES")
    story.asks("CL")
    story.halt()
    assert story.open == ["ES:long:1"]
    assert story.fills("CL") == []


def test_resuming_what_is_not_halted_changes_nothing() -> None:
    story = Story()
    assert story.resume() == []
    assert code(story.asks("ES")) == "allowed"


def test_a_refused_resume_lifts_no_halt_either() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    story.halt()
    story.resume()
    story.after(DAY)
    assert code(story.asks("ES")) == "halted"


def test_a_forced_resume_lifts_stop_and_halt() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    story.halt()
    story.resume(force=True)
    assert code(story.asks("ES")) == "allowed"


# --- limits -----------------------------------------------------------------------------------------------


def test_which_configurations_were_in_force_is_known_the_newest_last_and_bounded() -> None:
    story = Story()
    story.state.config, story.state.configs = "before", []  # as an earlier version's snapshot has it
    for config in ("one", "two", "one", ""):
        story.hears(limits(config=config))
    assert story.state.configs[-3:] == ["before", "two", "one"]
    assert story.state.config == "one"
    for number in range(100):
        story.hears(limits(config=f"c{number}"))
    assert story.state.configs == [f"c{number}" for number in range(36, 100)]


def test_limits_hold_from_the_event_on() -> None:
    story = Story(max_positions=1)
    story.enters("ES")
    assert code(story.asks("CL")) == "max_positions"
    story.change_limits(max_positions=2)
    assert code(story.asks("CL")) == "allowed"


def test_raising_the_limit_of_a_day_begins_no_other_day() -> None:
    assert Story().change_limits(daily_stop_loss=Decimal(9000)) == []


def test_what_was_lost_before_the_first_limits_counts() -> None:
    story = Story()
    story.state = State()
    story.fills("ES")
    story.closes("ES", pnl="-2500")
    assert kinds(story.hears(limits())) == ["TradingDayStarted", "StopLossTriggered", "PortfolioFlat"]


def test_the_configuration_in_force_is_remembered_until_another_one() -> None:
    story = Story(config="a" * 64)
    story.change_limits(by="ann", max_positions=2)
    assert story.state.config == "a" * 64


def test_a_new_leader_is_noted() -> None:
    story = Story()
    assert story.hears(CoordinatorStarted(leader="host-1", epoch=7, fold=FOLD_VERSION)) == []
    assert (story.state.epoch, story.state.fold_version) == (7, FOLD_VERSION)


@pytest.mark.parametrize(("before", "after"), [(4, 1), (5, 5)])
def test_a_hand_that_writes_of_earlier_rules_loosens_none_since_version_5(before: int, after: int) -> None:
    story = Story()
    story.state.fold_version = before
    story.hears(CoordinatorStarted(leader="eve", epoch=99, fold=1))
    assert story.state.fold_version == after


# --- settling ---------------------------------------------------------------------------------------------


def test_settling_flat_books_the_pnl_and_removes_the_position() -> None:
    story = Story()
    story.enters("ES")
    assert story.settle("ES", 0, pnl="-75") == []
    assert (story.open, story.pnl) == ([], Decimal(-75))


def test_settling_flat_ticks_off_a_flatten() -> None:
    story = Story()
    story.enters("ES")
    story.flatten()
    assert kinds(story.settle("ES", 0)) == ["PortfolioFlat"]


def test_a_settled_loss_triggers_the_stop() -> None:
    story = Story()
    story.enters("ES")
    assert kinds(story.settle("ES", 0, pnl="-2500")) == ["StopLossTriggered", "PortfolioFlat"]


def test_a_close_reported_after_it_was_settled_is_refused() -> None:
    story = Story()
    story.enters("ES")
    story.settle("ES", 0, pnl="-75")
    assert "settlement by ann" in only(EventRejected, story.closes("ES", pnl="-75")).reason
    assert story.pnl == Decimal(-75)


def test_settling_a_position_the_log_does_not_know_puts_it_there() -> None:
    story = Story()
    story.settle("ES", 2, side="short", price="5000")
    assert story.open == ["ES:short:2"]


@pytest.mark.parametrize("size", [1, 3])
def test_settling_another_size_keeps_the_open_loss_in_sight(size: int) -> None:
    story = Story()
    story.enters("ES", size=2)
    story.marks("ES", "-1000")
    story.settle("ES", size)
    assert story.open == [f"ES:long:{size}"]
    assert story.pnl == (Decimal(-500) if size == 1 else Decimal(-1000))


def test_settling_part_of_a_carried_position_counts_only_this_days_part() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.marks("ES", "-1000")
    story.after(DAY)
    story.settle("ES", 1, pnl="-520")
    assert story.pnl == Decimal(-20)
    story.settle("ES", 0, pnl="-530")
    assert story.pnl == Decimal(-50)


def test_settling_twice_books_once() -> None:
    """An order written twice, by hand or by a client that retries, must not earn its gain twice."""
    story = Story()
    story.enters("ES", "CL")
    story.settle("ES", 0, pnl="300")
    assert kinds(story.settle("ES", 0, pnl="300")) == ["EventRejected"]
    story.settle("CL", 2, pnl="300", price="70")
    assert kinds(story.settle("CL", 2, pnl="300", price="70")) == ["EventRejected"]
    assert story.pnl == Decimal(600)


def test_settling_what_is_unsettled_needs_no_other_size() -> None:
    story = Story()
    story.enters("ES")
    story.starts("ibs-ES", session="s2")
    assert story.settle("ES", 1) == []
    assert story.state.unsettled == {}


def test_a_full_book_can_still_be_settled() -> None:
    story = Story()
    story.closes("CL", pnl="-10")
    for number in range(POSITIONS_HELD):
        story.fills("ES", worker=f"w{number}")
    assert story.settle("CL", 0) == []
    assert story.settle("ES", 3, worker="w0") == []
    assert not story.halted


def test_a_full_book_takes_no_settled_position_and_halts() -> None:
    story = Story()
    for number in range(POSITIONS_HELD):
        story.fills("ES", worker=f"w{number}")
    rejected = each(EventRejected, story.settle("CL", 1))
    assert [one.rejected for one in rejected] == ["PositionSettled"]
    assert len(story.state.positions) == POSITIONS_HELD
    assert code(story.asks("SI")) == "halted"
