"""What one worker may have, whatever room the others leave."""

from typing import Any

from portfold.events.decisions import EntryDenied
from tests.coordinator.story import MINUTE, Story, chicago, code, limits


def shared(**rules: Any) -> Story:
    return Story(**({"max_positions": 10, "max_contracts": 10} | rules))


def asks(story: Story, symbol: str, size: int = 1, worker: str = "ann") -> str:
    return code(story.asks(symbol, size, worker=worker))


def enters(story: Story, symbol: str, worker: str = "ann") -> str:
    answer = asks(story, symbol, worker=worker)
    if answer == "allowed":
        story.fills(symbol, worker=worker)
    return answer


def trades(story: Story, symbol: str, worker: str = "ann") -> str:
    answer = enters(story, symbol, worker)
    if answer == "allowed":
        story.closes(symbol, worker=worker)
    return answer


def test_a_worker_may_hold_or_reserve_so_many_positions_and_others_theirs() -> None:
    story = shared(worker_positions="1 bob=2")
    assert (enters(story, "ES"), asks(story, "CL")) == ("allowed", "worker_positions")
    assert [asks(story, symbol, worker="bob") for symbol in ("CL", "SI", "PL")] == [
        *("allowed", "allowed"),
        "worker_positions",
    ]


def test_the_sentence_names_the_worker_and_how_much_of_its_own_is_taken() -> None:
    story = shared(worker_contracts="2")
    assert asks(story, "ES") == "allowed"
    answer = story.asks("CL", size=2, worker="ann")
    assert isinstance(answer, EntryDenied)
    assert answer.reason == "Max contracts of worker ann (2) reached: 1 used, 2 more asked. Reserved: ES"


def test_contracts_of_a_worker_count_by_weight() -> None:
    story = shared(worker_contracts="1.5", contract_weights="SI=0.5")
    assert (asks(story, "ES"), asks(story, "SI", 2), asks(story, "SI")) == (
        "allowed",
        "worker_contracts",
        "allowed",
    )


# --- entries of a day --------------------------------------------------------------------------------------


def test_a_worker_enters_as_often_as_it_may_and_not_once_more() -> None:
    story = shared(worker_entries="2")
    assert [trades(story, "ES") for _ in range(3)] == ["allowed", "allowed", "worker_entries"]
    assert trades(story, "ES", "bob") == "allowed"


def test_exits_are_no_entries_however_many_it_takes() -> None:
    story = shared(worker_entries="2")
    assert asks(story, "ES", 4) == "allowed"
    story.fills("ES", 4, worker="ann")
    for _ in range(4):
        story.closes("ES", worker="ann")
    assert trades(story, "CL") == "allowed"
    assert trades(story, "CL") == "worker_entries"


def test_an_entry_that_fills_in_parts_is_one() -> None:
    story = shared(worker_entries="2")
    asks(story, "ES", 3)
    for _ in range(3):
        story.fills("ES", worker="ann")
    assert asks(story, "CL") == "allowed"
    assert asks(story, "SI") == "worker_entries"


def test_a_slot_counts_until_it_is_given_back() -> None:
    story = shared(worker_entries="1")
    assert (asks(story, "ES"), asks(story, "CL")) == ("allowed", "worker_entries")
    story.withdraws("ES", worker="ann")
    assert asks(story, "CL") == "allowed"
    story.after(10 * MINUTE)
    assert enters(story, "SI") == "allowed", "the slot of CL expired"
    assert asks(story, "CL") == "worker_entries"


def test_a_fill_that_nobody_granted_is_an_entry() -> None:
    story = shared(worker_entries="1")
    story.fills("ES", worker="ann")
    assert asks(story, "CL") == "worker_entries"


def test_the_next_trading_day_counts_from_nothing() -> None:
    story = shared(worker_entries="1")
    assert (trades(story, "ES"), trades(story, "ES")) == ("allowed", "worker_entries")
    story.at(chicago(2025, 1, 15, 16, 59))
    assert asks(story, "CL") == "worker_entries"
    story.at(chicago(2025, 1, 15, 17))
    assert (trades(story, "ES"), trades(story, "ES")) == ("allowed", "worker_entries")


def test_a_rule_that_comes_in_the_middle_of_a_day_knows_what_was_entered_before() -> None:
    story = shared()
    for _ in range(2):
        trades(story, "ES")
    story.hears(limits(max_positions=10, max_contracts=10, worker_entries="2"))
    assert asks(story, "ES") == "worker_entries"


def test_a_restart_of_the_worker_gives_no_entry_back() -> None:
    story = shared(worker_entries="1")
    trades(story, "ES")
    story.starts("ann", session="s2")
    assert code(story.asks("ES", worker="ann", session="s2")) == "worker_entries"
