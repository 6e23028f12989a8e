"""How often may be entered, in a day and in a week: of all, of a worker, in a symbol."""

from typing import Any

import pytest

from portfold.events.decisions import EntryDenied, LimitBreached
from tests.coordinator.story import MINUTE, Story, chicago, code, each

BOTH = ("max_entries", "symbol_entries")
WEEKS = ("max_entries_week", "symbol_entries_week", "worker_entries_week")


def at_work(**rules: Any) -> Story:
    return Story(**({"max_positions": 10, "max_contracts": 10} | rules))


def two_of(rule: str) -> Story:
    return at_work(**{rule: 2 if rule.startswith("max") else "2"})


def trades(story: Story, symbol: str, pnl: str = "1") -> str:
    answer = code(story.asks(symbol, worker="ann"))
    if answer == "allowed":
        story.fills(symbol, worker="ann")
        story.closes(symbol, pnl, worker="ann")
    return answer


@pytest.mark.parametrize("rule", BOTH + WEEKS)
def test_at_the_number_an_entry_is_allowed_and_the_next_is_not(rule: str) -> None:
    story = two_of(rule)
    assert [trades(story, "ES") for _ in range(3)] == ["allowed", "allowed", rule]


@pytest.mark.parametrize("rule", BOTH + WEEKS)
def test_scaling_out_takes_no_entry(rule: str) -> None:
    story = two_of(rule)
    story.asks("ES", 4, worker="ann")
    story.fills("ES", 4, worker="ann")
    for _ in range(4):
        story.closes("ES", worker="ann")
    assert (trades(story, "ES"), trades(story, "ES")) == ("allowed", rule)


@pytest.mark.parametrize("rule", BOTH + WEEKS)
def test_a_slot_is_an_entry_until_it_is_given_back_or_expires_unfilled(rule: str) -> None:
    story = two_of(rule)
    trades(story, "ES")
    for _ in range(2):
        assert code(story.asks("ES", worker="ann")) == "allowed"
        story.withdraws("ES", worker="ann")
    assert code(story.asks("ES", worker="ann")) == "allowed"
    story.after(10 * MINUTE)
    assert (trades(story, "ES"), trades(story, "ES")) == ("allowed", rule)


def test_a_slot_of_one_symbol_counts_for_all_of_them() -> None:
    story = at_work(max_entries=1)
    assert code(story.asks("ES", worker="ann")) == "allowed"
    assert code(story.asks("CL", worker="bob")) == "max_entries"


def test_a_symbol_has_its_own_number_whoever_enters() -> None:
    story = at_work(symbol_entries="2 ES=1")
    assert trades(story, "ES") == "allowed"
    assert code(story.asks("ES", worker="bob")) == "symbol_entries"
    assert [trades(story, "CL") for _ in range(3)] == ["allowed", "allowed", "symbol_entries"]


def test_parts_of_one_fill_are_one_entry_and_what_nobody_granted_is_one() -> None:
    story = at_work(max_entries=2)
    story.asks("ES", 3, worker="ann")
    for _ in range(3):
        story.fills("ES", worker="ann")
    story.fills("CL", worker="bob")
    assert code(story.asks("SI", worker="bob")) == "max_entries"
    breached = [one.code for one in each(LimitBreached, story.fills("SI", worker="bob"))]
    assert breached == ["ungranted", "max_entries"]


def test_what_a_dead_worker_filled_and_its_successor_reports_is_an_entry() -> None:
    story = at_work(max_entries=1, worker_entries="1")
    story.asks("ES", worker="ann")
    story.loses_worker("ann")
    story.starts("ann", session="s2", positions="ES:long:1:100")
    story.settle("ES", 1, worker="ann")
    assert code(story.asks("CL", worker="bob")) == "max_entries"


@pytest.mark.parametrize("rule", BOTH)
def test_the_next_trading_day_counts_from_nothing(rule: str) -> None:
    story = two_of(rule)
    assert [trades(story, "ES") for _ in range(3)] == ["allowed", "allowed", rule]
    story.at(chicago(2025, 1, 15, 16, 59))
    assert trades(story, "ES") == rule
    story.at(chicago(2025, 1, 15, 17))
    assert trades(story, "ES") == "allowed"


@pytest.mark.parametrize("rule", WEEKS)
def test_a_week_is_its_trading_days_from_monday_on(rule: str) -> None:
    story = two_of(rule)
    trades(story, "ES")
    story.at(chicago(2025, 1, 16, 10))
    story.at(chicago(2025, 1, 17, 10))  # a day on which nobody enters lies between
    assert (trades(story, "ES"), trades(story, "ES")) == ("allowed", rule)
    story.at(chicago(2025, 1, 17, 16, 59))
    assert trades(story, "ES") == rule
    story.at(chicago(2025, 1, 17, 17))  # Friday evening is Monday's trading day
    assert [trades(story, "ES") for _ in range(3)] == ["allowed", "allowed", rule]


def test_a_rule_that_comes_in_the_middle_of_a_week_knows_what_was_entered_before() -> None:
    story = at_work()
    trades(story, "ES")
    story.at(chicago(2025, 1, 16, 10))
    trades(story, "ES")
    story.change_limits(max_entries_week=2)
    assert trades(story, "ES") == "max_entries_week"
    story.change_limits(symbol_entries_week="2")
    assert trades(story, "ES") == "symbol_entries_week"


def test_a_resume_gives_no_entry_back() -> None:
    story = at_work(max_entries=1)
    trades(story, "ES")
    story.halt()
    story.resume()
    assert trades(story, "ES") == "max_entries"


def test_the_sentence_says_of_what_how_many_are_used() -> None:
    story = at_work(max_entries_week=1)
    trades(story, "ES")
    answer = story.asks("ES", worker="ann")
    assert isinstance(answer, EntryDenied)
    assert answer.reason == "Max entries of the week of the portfolio (1) reached: 1 used, 1 more asked."
