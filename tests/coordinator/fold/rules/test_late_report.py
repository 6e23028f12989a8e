"""What a process reported arrives after its successor counted at the broker: it counts, and is doubted."""

from decimal import Decimal

import pytest

from portfold.events.decisions import EventRejected, PositionMismatch
from portfold.events.incoming import CoordinatorStarted
from tests.coordinator.story import Story, code, each, kinds, only


def restarted(story: Story, size: int) -> None:
    """ibs-ES comes back as s2, its broker holds `size` long, and an operator settles what differs."""
    story.starts("ibs-ES", session="s2", positions=f"ES:long:{size}:100" if size else "")
    if "ES:long:ibs-ES" in story.state.unsettled:
        story.settle("ES", size)
    assert story.state.unsettled == {}


def test_a_late_fill_counts_and_denies_the_symbol_until_settled() -> None:
    story = Story()
    story.enters("ES")
    restarted(story, size=2)
    doubt = only(PositionMismatch, story.fills("ES"))
    assert (doubt.kind, doubt.log_size, doubt.broker_size) == ("late_fill", 3, 2)
    assert doubt.reason == (
        "reported by session s1 of ibs-ES after its successor had started; if that was counted already, the "
        "broker holds 2, not 3"
    )
    assert code(story.asks("ES", worker="another")) == "symbol_unsettled"
    story.settle("ES", 2)
    assert (story.open, story.state.unsettled) == (["ES:long:2"], {})


@pytest.mark.parametrize(("closed", "left"), [(1, 1), (2, 0)])
def test_a_late_close_counts_and_denies_the_symbol_until_settled(closed: int, left: int) -> None:
    """The log may hold less than the broker by now, which nobody must overlook."""
    story = Story()
    story.enters("ES", size=3)
    restarted(story, size=2)
    doubt = only(PositionMismatch, story.closes("ES", size=closed, pnl="-40"))
    assert (doubt.kind, doubt.log_size, doubt.broker_size) == ("late_close", left, 2)
    assert (story.pnl, story.state.unsettled["ES:long:ibs-ES"].kind) == (Decimal(-40), "late_close")
    assert code(story.asks("ES", worker="another")) == "symbol_unsettled"


def test_what_was_reported_before_the_successor_announced_itself_is_not_doubted() -> None:
    """The old process' last word, and what the new one finds unreported: both come before the count."""
    story = Story()
    story.enters("ES")
    story.fills("ES")
    story.fills("ES", session="s2")
    story.starts("ibs-ES", session="s2", positions="ES:long:3:100")
    story.fills("ES", session="s2")
    assert (story.open, story.state.unsettled) == (["ES:long:4"], {})


def test_closing_all_that_the_log_holds_ends_the_doubt_about_a_late_fill() -> None:
    """The log held too much if anything, so the broker is flat."""
    story = Story()
    story.enters("ES")
    restarted(story, size=1)
    story.fills("ES")
    story.closes("ES", size=2, session="s2")
    assert (story.open, story.state.unsettled) == ([], {})


def test_closing_all_that_the_log_holds_does_not_end_the_doubt_about_a_late_close() -> None:
    """The log held too little if anything, so the broker may hold the rest."""
    story = Story()
    story.enters("ES", size=2)
    restarted(story, size=2)
    story.closes("ES")
    story.closes("ES", session="s2")
    assert (story.open, list(story.state.unsettled)) == ([], ["ES:long:ibs-ES"])


def test_a_late_fill_makes_no_graver_difference_a_lesser_one() -> None:
    story = Story()
    story.enters("ES")
    story.starts("ibs-ES", session="s2", positions="ES:long:1:100")
    story.closes("ES", size=2)
    story.fills("ES")
    assert story.state.unsettled["ES:long:ibs-ES"].kind != "late_fill"


def test_a_late_close_of_what_was_settled_away_is_refused_and_in_no_doubt() -> None:
    story = Story()
    story.enters("ES")
    restarted(story, size=0)
    assert kinds(story.closes("ES", pnl="-40")) == ["EventRejected"]
    assert (story.open, story.pnl, story.state.unsettled) == ([], Decimal(0), {})


def test_a_late_fill_that_the_broker_named_before_is_refused_and_in_no_doubt() -> None:
    story = Story()
    story.enters("ES")
    story.fills("ES", fill="7")
    restarted(story, size=2)
    assert "fill 7 was already reported" in only(EventRejected, story.fills("ES", fill="7")).reason
    assert story.state.unsettled == {}


def test_a_late_close_by_the_flattener_is_doubted_where_the_owner_may_have_counted_since() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.starts("flattener")
    story.starts("flattener", session="s2")
    doubt = only(PositionMismatch, story.closes("ES", worker="flattener", owner="ibs-ES"))
    assert (doubt.worker, doubt.kind, doubt.log_size, doubt.broker_size) == ("ibs-ES", "late_close", 1, 2)
    assert list(story.state.unsettled) == ["ES:long:ibs-ES"]


def test_a_late_close_by_the_flattener_for_an_owner_who_is_gone_is_not_doubted() -> None:
    """The owner has yet to come back and count."""
    story = Story()
    story.enters("ES", size=2)
    story.starts("flattener")
    story.loses_worker("ibs-ES")
    story.starts("flattener", session="s2")
    assert story.closes("ES", worker="flattener", owner="ibs-ES") == []
    assert (story.open, story.state.unsettled) == (["ES:long:1"], {})


def test_the_late_close_of_what_the_successor_did_not_find_explains_it() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.starts("ibs-ES", session="s2")
    assert story.state.unsettled["ES:long:ibs-ES"].kind == "gone_at_broker"
    assert story.closes("ES") == []
    assert story.state.unsettled["ES:long:ibs-ES"].kind == "gone_at_broker"
    assert story.closes("ES") == []
    assert (story.open, story.state.unsettled) == ([], {})


def test_a_late_close_is_doubted_and_the_graver_of_two_differences() -> None:
    """The broker held less than the log: it explains no close, which may be in that count."""
    story = Story()
    story.enters("ES", size=3)
    story.starts("ibs-ES", session="s2", positions="ES:long:2:100")
    assert story.state.unsettled["ES:long:ibs-ES"].kind == "size_differs"
    doubt = only(PositionMismatch, story.closes("ES"))
    assert (doubt.kind, doubt.log_size, doubt.broker_size) == ("late_close", 2, 3)
    story.closes("ES", size=2, session="s2")
    assert (story.open, story.state.unsettled["ES:long:ibs-ES"].kind) == ([], "late_close")


def test_a_late_report_is_doubted_though_the_successor_that_counted_is_gone_by_now() -> None:
    story = Story()
    story.enters("ES")
    restarted(story, size=1)
    story.loses_worker("ibs-ES", session="s2")
    assert only(PositionMismatch, story.fills("ES")).kind == "late_fill"


def test_a_late_close_of_more_than_was_open_is_one_difference() -> None:
    story = Story()
    story.enters("ES")
    restarted(story, size=1)
    assert only(PositionMismatch, story.closes("ES", size=2)).kind == "close_unmatched"


def test_the_next_announcement_that_agrees_ends_the_doubt() -> None:
    story = Story()
    story.enters("ES", size=2)
    restarted(story, size=2)
    story.closes("ES")
    story.starts("ibs-ES", session="s3", positions="ES:long:1:100")
    assert story.state.unsettled == {}


@pytest.mark.parametrize(("fold", "doubted"), [(1, 0), (2, 0), (3, 1)])
def test_each_version_of_the_fold_by_its_rule(fold: int, doubted: int) -> None:
    story = Story()
    story.state.fold_version = 0
    story.hears(CoordinatorStarted(leader="a", epoch=1, fold=fold))
    story.enters("ES")
    restarted(story, size=1)
    late = story.fills("ES")
    assert (len(each(PositionMismatch, late)), story.open) == (doubted, ["ES:long:2"])


def test_what_came_before_any_coordinator_is_decided_by_the_first_rules() -> None:
    """Version 1 may have led first: its decisions on what it found have to follow from the log again."""
    story = Story()
    story.state.fold_version = 0
    story.enters("ES")
    restarted(story, size=1)
    assert each(PositionMismatch, story.fills("ES")) == []
