"""Stops move by a report of the worker that holds the leg; what is no such report changes nothing."""

import pytest

from portfold.coordinator.fold.money_state import Plan
from portfold.events.decisions import EventRejected, LimitBreached
from portfold.events.incoming import EntryRequested
from tests.coordinator.fold.budget.books import at_stop, moves_stop, portfolio, risking
from tests.coordinator.story import Story, code, only


def holding(side: str = "long") -> Story:
    """ES at 5,000 with its stop 40 points off."""
    story = portfolio()
    story.starts("ibs-ES", symbols="ES")
    assert code(story.asks("ES", side=side, **at_stop("4960" if side == "long" else "5040"))) == "allowed"
    assert story.fills("ES", price="5000", side=side) == []
    return story


def plan(story: Story) -> Plan | None:
    [held] = story.state.positions.values()
    return held.plan


def test_a_stop_that_moves_nearer_leaves_more_room() -> None:
    story = holding()
    assert moves_stop(story, "ES", "4980") == []
    assert code(story.asks("CL", **risking("1500"))) == "loss_budget"
    assert code(story.asks("CL", **risking("1499.99"))) == "allowed"


def test_a_stop_that_moves_away_is_a_fact_and_said_where_it_reaches_the_limit() -> None:
    story = holding()
    assert moves_stop(story, "ES", "4950.25") == []
    breach = only(LimitBreached, moves_stop(story, "ES", "4950"))
    assert breach.code == "loss_budget"
    assert story.state.stats.limit_breaches == 1
    assert code(story.asks("CL", **risking("0.01"))) == "loss_budget"


@pytest.mark.parametrize(
    ("side", "stop", "said"),
    [
        ("long", "5000", "expected below the entry 5000 of long ES, got 5000"),
        ("long", "5000.25", "expected below the entry 5000 of long ES, got 5000.25"),
        ("short", "4999.75", "expected above the entry 5000 of short ES, got 4999.75"),
    ],
)
def test_a_stop_on_the_wrong_side_is_said_and_changes_nothing(side: str, stop: str, said: str) -> None:
    story = holding(side)
    before = plan(story)
    assert said in only(EventRejected, moves_stop(story, "ES", stop, side)).reason
    assert plan(story) == before


def test_once_a_leg_is_marked_its_stop_may_follow_the_price_up_to_there() -> None:
    story = holding()
    story.marks("ES", "2000", price="5040")
    assert moves_stop(story, "ES", "5039.75") == []
    assert "mark 5040" in only(EventRejected, moves_stop(story, "ES", "5040")).reason


def test_a_stop_of_another_workers_leg_is_said_and_changes_nothing() -> None:
    story = holding()
    before = plan(story)
    refused = only(EventRejected, moves_stop(story, "ES", "4990", worker="ibs-CL"))
    assert refused.reason == "StopMoved: ibs-CL holds no long ES on the log; ibs-ES does"
    assert plan(story) == before


def test_a_stop_of_no_leg_is_said_and_changes_nothing() -> None:
    story = portfolio()
    refused = only(EventRejected, moves_stop(story, "ES", "4990"))
    assert refused.reason == "StopMoved: ibs-ES holds no long ES on the log"
    story.asks("ES", **at_stop("4990"))  # a slot is no leg
    only(EventRejected, moves_stop(story, "ES", "4995"))


def test_a_stop_told_by_a_replaced_process_changes_nothing() -> None:
    story = holding()
    story.starts("ibs-ES", "s2", symbols="ES", positions="ES:long:1:5000")
    before = plan(story)
    only(EventRejected, moves_stop(story, "ES", "4990"))
    assert plan(story) == before


def test_earlier_versions_knew_no_stops() -> None:
    story = portfolio(loss_budget="")
    story.state.fold_version = 8
    asked = story.says(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1, **at_stop("4990"))
    assert only(EventRejected, asked).reason == (
        "EntryRequested.stop_price: not a field of EntryRequested; its fields are worker, session, seq, "
        "symbol, side, size, strategy"
    )
    story.enters("ES", price="5000")
    refused = only(EventRejected, moves_stop(story, "ES", "4990"))
    assert refused.reason.startswith("type: expected one of EntryRequested, ")
    assert "StopMoved," not in refused.reason
    assert plan(story) is None
