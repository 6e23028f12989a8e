"""Workers come and go: what their brokers hold and the log does not, and how such a difference ends."""

from decimal import Decimal

import pytest

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import POSITIONS_HELD, UNSETTLED_HELD, contracts_used
from portfold.events.decisions import FlattenOrdered, PositionAdopted, PositionMismatch
from tests.coordinator.story import Story, code, each, kinds, only


def restarted(story: Story, positions: str) -> list[PositionMismatch]:
    """ibs-ES comes back, and its broker holds `positions`."""
    return each(PositionMismatch, story.starts("ibs-ES", session="s2", positions=positions))


# --- the broker and the log -------------------------------------------------------------------------------


def test_a_position_both_know_is_adopted() -> None:
    story = Story()
    story.enters("ES", size=2)
    assert story.starts("ibs-ES", session="s2", positions="ES:long:2:100") == [
        PositionAdopted(worker="ibs-ES", symbol="ES", side="long", size=2)
    ]
    assert story.state.unsettled == {}


def test_a_position_unknown_to_us_is_counted_and_denies_the_symbol() -> None:
    story = Story()
    [mismatch] = restarted(story, "ES:short:2:5000.25")
    assert (mismatch.kind, mismatch.log_size, mismatch.broker_size) == ("unknown_to_us", 0, 2)
    assert mismatch.reason == "the log holds 0, the broker 2 at 5000.25; the larger counts"
    assert story.open == ["ES:short:2"]
    assert code(story.asks("ES", worker="another")) == "symbol_unsettled"


@pytest.mark.parametrize(
    ("price", "told", "to_5"),
    [("33.3333333333", " at ≈33.3333333", " at 33.3333333333"), ("0", " (no entry price told)", " at 0")],
)
def test_a_price_that_was_computed_or_not_told_is_no_price_to_read(price: str, told: str, to_5: str) -> None:
    for version, shown in ((FOLD_VERSION, told), (5, to_5)):
        story = Story()
        story.state.fold_version = version
        [mismatch] = restarted(story, f"ES:short:2:{price}")
        assert mismatch.reason == f"the log holds 0, the broker 2{shown}; the larger counts"


def test_a_position_gone_at_the_broker_stays_counted_and_denies_the_symbol() -> None:
    story = Story()
    story.enters("ES")
    [mismatch] = restarted(story, "")
    assert (mismatch.kind, mismatch.log_size, mismatch.broker_size) == ("gone_at_broker", 1, 0)
    assert mismatch.reason == "the log holds 1, the broker none; it counts as open until settled"
    assert story.open == ["ES:long:1"]
    assert code(story.asks("ES", worker="another")) == "symbol_unsettled"


def test_where_sizes_differ_the_larger_counts() -> None:
    for broker, counted in (("1", 2), ("2", 2), ("3", 3)):
        story = Story()
        story.enters("ES", size=2)
        mismatches = restarted(story, f"ES:long:{broker}:100")
        assert [odd.kind for odd in mismatches] == ([] if broker == "2" else ["size_differs"])
        assert contracts_used(story.state) == counted


def test_the_other_side_at_the_broker_is_two_differences() -> None:
    story = Story()
    story.enters("ES")
    assert [odd.kind for odd in restarted(story, "ES:short:1:100")] == ["unknown_to_us", "gone_at_broker"]


def test_lots_of_one_leg_count_together() -> None:
    story = Story()
    story.enters("ES", size=3)
    assert restarted(story, "ES:long:1:99 ES:long:2:101") == []


def test_another_workers_positions_are_not_compared() -> None:
    story = Story()
    story.enters("ES", "CL")
    assert restarted(story, "ES:long:1:100") == []


def test_more_gone_than_can_be_named_are_counted_all() -> None:
    story = Story()
    for number in range(40):
        story.fills(f"S{number}", worker="ibs-ES")
    mismatches = restarted(story, "")
    assert len(mismatches) == 30
    assert mismatches[0].reason.endswith("it counts as open until settled; 40 in all")
    assert len(story.state.unsettled) == 40


# --- how a difference ends --------------------------------------------------------------------------------


def test_the_workers_close_settles_it() -> None:
    story = Story()
    restarted(story, "ES:long:1:100")
    story.closes("ES", pnl="-20")
    assert code(story.asks("ES", worker="another")) == "allowed"


def test_the_next_announcement_settles_what_agrees_again() -> None:
    story = Story()
    story.closes("ES", pnl="-20")
    assert code(story.asks("ES", worker="another")) == "symbol_unsettled"
    restarted(story, "")
    assert code(story.asks("ES", worker="another")) == "allowed"


def test_the_next_announcement_settles_a_size_that_agrees_again() -> None:
    story = Story()
    story.enters("ES", size=2)
    restarted(story, "ES:long:1:100")
    assert restarted(story, "ES:long:2:100") == []
    assert story.state.unsettled == {}


def test_an_operator_settles_what_is_gone() -> None:
    story = Story()
    story.enters("ES")
    restarted(story, "")
    assert story.settle("ES", 0, pnl="-75") == []
    assert (story.open, story.pnl) == ([], Decimal(-75))
    assert code(story.asks("ES", worker="another")) == "allowed"


def test_too_many_differences_halt_trading() -> None:
    story = Story()
    for number in range(UNSETTLED_HELD):
        story.closes("ES", pnl="0", worker=f"w{number}")
    story.closes("ES", pnl="0", worker="w0")
    assert code(story.asks("CL")) == "allowed"  # of what is known to differ already there may be news
    story.closes("ES", pnl="0", worker="one-more")
    assert len(story.state.unsettled) == UNSETTLED_HELD
    assert code(story.asks("SI")) == "halted"


def test_what_the_broker_holds_beyond_a_full_book_halts_trading() -> None:
    story = Story()
    for number in range(POSITIONS_HELD):
        story.fills("CL", worker=f"w{number}")
    assert [odd.kind for odd in restarted(story, "ES:long:1:100")] == ["unknown_to_us"]
    assert len(story.state.positions) == POSITIONS_HELD
    assert code(story.asks("SI")) == "halted"


def test_a_position_found_after_the_stop_is_ordered_flat() -> None:
    story = Story()
    story.closes("CL", pnl="-2500")
    decisions = story.starts("ibs-ES", positions="ES:long:1:100")
    assert kinds(decisions) == ["PositionMismatch", "FlattenOrdered"]
    assert only(FlattenOrdered, decisions).positions == "ES:long:1:ibs-ES"
