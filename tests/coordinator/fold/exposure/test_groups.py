"""Named sets of symbols: inside of the total, each for itself, and nothing in them is netted."""

from typing import Any

import pytest

from portfold.events.decisions import EntryDenied
from tests.coordinator.story import Story, code, limits

EQUITIES = "equities=ES,MES,NQ"
SYMBOLS = "CL ES MES NG NQ"


ROOM: dict[str, Any] = {"max_positions": 10, "max_contracts": 10, "groups": EQUITIES, "symbols": SYMBOLS}


def grouped(**rules: Any) -> Story:
    return Story(**(ROOM | rules))


def test_as_many_positions_as_a_group_may_have_and_not_one_more() -> None:
    story = grouped(group_positions="2")
    assert code(story.asks("ES")) == "allowed"
    assert code(story.asks("NQ")) == "allowed"
    answer = story.asks("MES")
    assert isinstance(answer, EntryDenied)
    assert (answer.code, answer.reason) == (
        "group_positions",
        "Max positions of group equities (2) reached: 2 used, 1 more asked. Reserved: ES, NQ",
    )
    assert code(story.asks("CL")) == "allowed", "which is in no group"


@pytest.mark.parametrize(("micros", "answer"), [(5, "allowed"), (6, "group_contracts")])
def test_contracts_of_a_group_count_by_weight(micros: int, answer: str) -> None:
    story = grouped(group_contracts="equities=1.5", contract_weights="MES=0.1")
    story.enters("ES")
    assert code(story.asks("MES", micros)) == answer


def test_long_with_long_is_one_side_and_long_with_short_is_not() -> None:
    story = grouped(group_one_side="2")
    story.enters("ES", size=2)
    answer = story.asks("NQ")
    assert isinstance(answer, EntryDenied)
    assert answer.reason.startswith("Max contracts of group equities long (2) reached: 2 used, 1 more asked")
    assert code(story.asks("NQ", size=2, side="short")) == "allowed"
    assert code(story.asks("MES", side="short")) == "group_one_side"


def test_one_underlying_held_both_ways_is_two_positions_and_nothing_is_netted() -> None:
    story = grouped(group_positions="2", group_contracts="2")
    story.enters("ES")
    assert code(story.asks("MES", side="short")) == "allowed"
    assert code(story.asks("NQ")) == "group_positions"
    story = grouped(group_contracts="1")
    story.enters("ES")
    assert code(story.asks("MES", side="short")) == "group_contracts"


def test_a_symbol_in_two_groups_has_to_fit_into_both() -> None:
    story = grouped(groups=f"{EQUITIES} tech=NQ,CL", group_positions="equities=2 tech=1")
    story.enters("CL")
    answer = story.asks("NQ")
    assert isinstance(answer, EntryDenied)
    assert "group tech (1)" in answer.reason
    story = grouped(groups=f"{EQUITIES} tech=NQ,CL", group_positions="equities=1 tech=2")
    story.enters("ES")
    answer = story.asks("NQ")
    assert isinstance(answer, EntryDenied)
    assert "group equities (1)" in answer.reason


def test_a_group_is_inside_of_the_total_and_not_beside_it() -> None:
    story = grouped(max_positions=2, group_positions="2")
    story.enters("ES", "CL")
    assert code(story.asks("NQ")) == "max_positions"


def test_a_group_that_is_changed_while_more_is_held_denies_what_is_new_and_closes_nothing() -> None:
    story = grouped(group_positions="3")
    story.enters("ES", "NQ")
    smaller = limits(
        max_positions=10, max_contracts=10, symbols=SYMBOLS, groups=EQUITIES, group_positions="1"
    )
    assert story.hears(smaller) == []
    assert (story.open, story.state.flatten) == (["ES:long:1", "NQ:long:1"], None)
    assert code(story.asks("MES")) == "group_positions"
    story.closes("ES")
    assert code(story.asks("MES")) == "group_positions", "at the limit still"
    story.closes("NQ")
    assert code(story.asks("MES")) == "allowed"
