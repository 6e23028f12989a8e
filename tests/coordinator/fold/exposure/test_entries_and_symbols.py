"""How much one entry and one symbol may take, and how contracts count by weight."""

from typing import Any

import pytest

from portfold.events.decisions import EntryDenied, LimitBreached
from portfold.events.incoming import FlattenRequested
from tests.coordinator.story import SECOND, Story, code, each, limits


def room(**rules: Any) -> Story:
    """A portfolio with room for much, but for these rules."""
    symbols: dict[str, Any] = {"symbols": "CL ES MES MNQ NQ"}
    return Story(**({"max_positions": 20, "max_contracts": 40} | symbols | rules))


# --- one entry ---------------------------------------------------------------------------------------------


def test_an_entry_may_ask_for_as_much_as_one_may_and_for_no_contract_more() -> None:
    story = room(max_request_contracts=3)
    assert code(story.asks("CL", size=4)) == "max_request_contracts"
    assert code(story.asks("ES", size=3)) == "allowed"


def test_the_sentence_says_how_much_was_asked() -> None:
    answer = room(max_request_contracts=3).asks("CL", size=4)
    assert isinstance(answer, EntryDenied)
    assert answer.reason == "Max contracts of one entry (3) exceeded: 4 asked"


# --- one symbol --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "answer"), [(2, "allowed"), (3, "max_symbol_contracts")])
def test_a_symbol_may_have_as_many_contracts_as_each_may(size: int, answer: str) -> None:
    assert code(room(max_symbol_contracts="2").asks("CL", size)) == answer


@pytest.mark.parametrize(("size", "answer"), [(4, "allowed"), (5, "max_symbol_contracts")])
def test_one_with_a_number_of_its_own_has_that(size: int, answer: str) -> None:
    assert code(room(max_symbol_contracts="2 ES=4").asks("ES", size)) == answer


def test_a_symbol_with_no_number_has_no_such_limit() -> None:
    story = room(max_symbol_contracts="ES=1 CL=0")
    assert [code(story.asks(symbol, 9)) for symbol in ("ES", "NQ", "CL")] == [
        "max_symbol_contracts",
        "allowed",
        "allowed",
    ]


def test_no_weight_makes_room_in_one_symbol() -> None:
    story = room(max_symbol_contracts="2", contract_weights="MES=0.1")
    assert code(story.asks("MES", 3)) == "max_symbol_contracts"


# --- weights -----------------------------------------------------------------------------------------------


def test_ten_micros_count_like_one_and_an_eleventh_is_one_too_many() -> None:
    story = room(max_contracts=2, contract_weights="MES=0.1")
    story.enters("ES")
    answer = story.asks("MES", 11)
    assert isinstance(answer, EntryDenied)
    reason = "Max contracts (2) reached: 1 used, 1.1 more asked, by weight. Open: ES"
    assert (answer.code, answer.reason) == ("max_contracts", reason)
    assert code(story.asks("MES", 10)) == "allowed"
    assert code(story.asks("MNQ", 1)) == "max_contracts"


def test_a_contract_may_count_more_than_one() -> None:
    story = room(max_contracts=4, contract_weights="CL=2.5")
    assert code(story.asks("CL", 2)) == "max_contracts"
    assert code(story.asks("CL", 1)) == "allowed"


def test_however_little_a_contract_counts_ten_thousand_are_the_most() -> None:
    story = room(max_contracts=10_000, contract_weights="MES=0.01 MNQ=0.01")
    assert code(story.asks("MES", 10_000)) == "allowed"
    answer = story.asks("MNQ", 1)
    assert isinstance(answer, EntryDenied)
    assert answer.reason == "More than 10000 contracts of any weight: 10000 used, 1 more asked"


def test_weights_ordered_while_something_is_open_count_at_once_and_close_nothing() -> None:
    story = room(max_contracts=2)
    story.enters("ES", "CL")
    heavier = limits(max_contracts=2, max_positions=20, symbols="CL ES NQ", contract_weights="ES=3")
    assert story.hears(heavier) == []
    assert story.open == ["CL:long:1", "ES:long:1"]
    assert code(story.asks("NQ")) == "max_contracts"


# --- what counts -------------------------------------------------------------------------------------------


def test_a_slot_counts_until_it_ends_and_then_no_more() -> None:
    story = room(max_symbol_contracts="2", max_contracts=2, contract_weights="MES=0.1")
    assert code(story.asks("ES", 2)) == "allowed"
    assert code(story.asks("MES", 1)) == "max_contracts"
    story.withdraws("ES")
    assert code(story.asks("MES", 2)) == "allowed"


def test_a_slot_that_is_kept_for_a_lost_worker_counts() -> None:
    story = room(max_contracts=1, contract_weights="MES=0.1")
    story.starts("ibs-ES")
    story.asks("ES")
    story.loses_worker("ibs-ES")
    story.after(3600 * SECOND)
    assert code(story.asks("CL")) == "max_contracts"


def test_a_fill_that_nobody_granted_counts_and_says_which_limit_it_broke() -> None:
    story = room(max_symbol_contracts="2")
    breached = each(LimitBreached, story.fills("CL", size=3))
    assert ("max_symbol_contracts", "Max contracts of CL (2) exceeded: 3 used") in [
        (one.code, one.reason) for one in breached
    ]


def test_a_fill_that_was_granted_breaks_nothing_at_the_limit() -> None:
    story = room(max_symbol_contracts="2")
    story.starts("ibs-CL")
    story.asks("CL", 2)
    assert story.fills("CL", 2) == []


def test_no_exit_is_asked_about_and_none_counts() -> None:
    story = room(max_request_contracts=1, max_symbol_contracts="1", max_contracts=1)
    story.fills("CL", size=5)
    assert story.closes("CL", size=2) == []
    assert story.hears(FlattenRequested(by="ann", reason="enough"))
    story.closes("CL", size=3)
    assert story.open == []
