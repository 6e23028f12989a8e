"""What tightens limits counts at once; what loosens them, from the next trading day or with a second name."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.limits import Limits, limits_named, limits_of
from portfold.coordinator.fold.tightness import NO_LOOSER, at_once
from portfold.events.codec import decode_event, encode
from portfold.events.decisions import (
    EntryAllowed,
    LimitReached,
    LooseningEnded,
    LooseningWaits,
    TradingDayStarted,
)
from portfold.events.incoming import CoordinatorStarted, Malformed
from tests.coordinator.story import Story, chicago, code, each, limits, only

ROLL = chicago(2025, 1, 15, 17)
"""When the story's trading day, Wednesday's, is over."""


def in_force(story: Story) -> Limits:
    assert story.state.limits is not None
    return story.state.limits


def test_a_tighter_limit_counts_at_once_and_a_looser_one_from_the_next_trading_day() -> None:
    story = Story(max_positions=2)
    waits = only(LooseningWaits, story.orders(max_positions=3, daily_stop_loss=Decimal(2000)))
    assert (waits.day, waits.by, waits.limits) == ("2025-01-16", "ann", "max_positions=3 (now 2)")
    assert (in_force(story).max_positions, in_force(story).daily_stop_loss) == (2, Decimal(2000))
    story.enters("ES", "CL")
    assert code(story.asks("SI")) == "max_positions"
    story.at(ROLL - 2)
    assert code(story.asks("SI")) == "max_positions"
    decisions = story.at(ROLL)
    assert [type(decision) for decision in decisions] == [TradingDayStarted, LooseningEnded]
    assert only(LooseningEnded, decisions).counts
    assert in_force(story).by == "ann"
    assert isinstance(story.asks("SI"), EntryAllowed)


def test_a_second_persons_name_makes_it_count_at_once() -> None:
    story = Story(max_positions=2)
    assert story.orders(max_positions=3, second="joe") == []
    assert (in_force(story).max_positions, story.state.loosening) == (3, None)


@pytest.mark.parametrize("second", ["ann", "Ann", " ann ", "a nn"])
def test_the_second_person_is_another_than_the_first(second: str) -> None:
    words = encode(limits(by="ann", reason="alone"))
    refused = decode_event([*words, "second", second])
    assert isinstance(refused, Malformed)
    assert "second: expected the name of another person than by" in refused.reason


def test_the_first_limits_of_a_log_count_at_once() -> None:
    story = Story(max_positions=9)
    assert (in_force(story).max_positions, story.state.loosening) == (9, None)
    assert each(LooseningWaits, story.first) == []


def test_a_newer_order_replaces_what_waits() -> None:
    story = Story(max_positions=2)
    story.orders(max_positions=5)
    decisions = story.orders(by="joe", max_positions=3)
    ended, waits = only(LooseningEnded, decisions), only(LooseningWaits, decisions)
    assert (ended.by, ended.limits, ended.counts) == ("ann", "max_positions=5 (now 2)", False)
    assert waits.limits == "max_positions=3 (now 2)"
    assert [one.limits for one in each(LooseningEnded, story.at(ROLL))] == ["max_positions=3 (now 2)"]
    assert in_force(story).max_positions == 3


def test_the_limits_in_force_ordered_again_end_what_waits() -> None:
    story = Story(max_positions=2)
    story.orders(max_positions=5)
    assert not only(LooseningEnded, story.orders(max_positions=2)).counts
    assert each(LooseningEnded, story.at(ROLL)) == []
    assert in_force(story).max_positions == 2


def test_a_configuration_that_is_looser_loosens_nothing_before_the_next_trading_day_either() -> None:
    story = Story(reservation_ms=30_000)
    waits = only(LooseningWaits, story.orders("coordinator", reservation_ms=60_000, config="a" * 64))
    assert (waits.by, waits.limits) == ("coordinator", "reservation_ms=60000 (now 30000)")
    assert (in_force(story).reservation_ms, story.state.config) == (30_000, "a" * 64)


def test_by_whom_limits_are_changes_with_an_order_of_which_something_counts() -> None:
    story = Story(max_positions=2)
    story.orders(max_positions=3)
    assert in_force(story).by == "coordinator"
    story.orders(max_positions=3, max_contracts=3)
    assert in_force(story).by == "ann"


def test_another_roll_counts_from_the_next_day_on_and_ends_that_one() -> None:
    story = Story()
    assert only(LooseningWaits, story.orders(roll="16:00")).limits == "roll=16:00 (now 17:00)"
    assert only(TradingDayStarted, story.at(ROLL)).day == "2025-01-16"
    assert story.state.day.ends_ms == chicago(2025, 1, 16, 16)


def test_symbols_that_are_added_wait_and_those_that_are_taken_away_go_at_once() -> None:
    story = Story(symbols="ES CL")
    assert only(LooseningWaits, story.orders(symbols="NQ ES")).limits == "symbols=NQ ES (now ES)"
    assert code(story.asks("CL")) == code(story.asks("NQ")) == "symbol_not_allowed"
    story.orders(symbols="NQ")
    assert in_force(story).symbols == ("ES",), "some symbol there has to be: the present ones, until then"
    story.at(ROLL)
    assert in_force(story).symbols == ("NQ",)


def test_a_profit_that_is_counted_is_not_forgotten_by_a_tighter_target() -> None:
    story = Story(profit_target=Decimal(800), profit_from_now=True)
    story.enters("ES")
    story.marks("ES", "600")
    story.orders(profit_target=Decimal(700), profit_from_now=True)
    assert only(LimitReached, story.marks("ES", "700")).rule == "profit_target"


def test_earlier_versions_loosened_at_once_and_took_a_target_anew() -> None:
    story = Story(max_positions=2)
    story.state.fold_version = 8
    assert story.orders(max_positions=3) == []
    assert in_force(story).max_positions == 3
    story.hears(CoordinatorStarted("b", 2, 9))
    only(LooseningWaits, story.orders(max_positions=4))


ORDINARY: dict[str, Any] = {
    "account": "DU1",
    "account_grace_ms": 1000,
    "start_balance": Decimal(50_000),
    "equity_floor": Decimal(48_000),
    "trailing_drawdown": Decimal(2000),
    "trailing_locks_at": Decimal(50_100),
    "profit_target": Decimal(800),
    "profit_lock_at": Decimal(500),
    "profit_lock_floor": Decimal(200),
    "consistency_percent": 30,
    "consistency_total": Decimal(3000),
    "rolling_loss": Decimal(4000),
    "rolling_days": 5,
    "loss_tiers": "50%=tell 80%=deny",
    "max_forced_resumes": "1",
    "mark_jumps": "ES=20",
    "mark_confirm_seconds": 10,
    "mark_stale_ms": 1000,
    "point_values": "ES=50",
}
LOOSER: list[dict[str, Any]] = [
    {"max_positions": 5},
    {"max_contracts": 5},
    {"daily_stop_loss": Decimal("2500.01")},
    {"symbols": "6A 6B 6C 6N 6S CL ES PL RTY SI NQ"},
    {"stop_loss_on": "realized"},
    {"stop_approach_percent": 81},
    {"reservation_ms": 29_999},
    {"reservation_ms": 30_001},
    {"flatten_ms": 10_001},
    {"mark_stale_ms": 1001},
    {"mark_stale_ms": 0},
    {"zone": "UTC"},
    {"roll": "16:00"},
    {"point_values": "ES=51"},
    {"point_values": ""},
    {"account": ""},
    {"account": "DU2"},
    {"account_grace_ms": 1001},
    {"account_tolerance": Decimal("0.01")},
    {"start_balance": Decimal(49_000)},
    {"start_balance": Decimal(51_000)},
    {"start_peak": Decimal(51_000)},
    {"equity_floor": Decimal("47999.99")},
    {"trailing_drawdown": Decimal("2000.01")},
    {"trailing_drawdown": Decimal(0)},
    {"trailing_on_realized": True},
    {"trailing_at": "15:10", "trailing_zone": "UTC"},
    {"trailing_locks_at": Decimal(50_099)},
    {"profit_target": Decimal(0)},
    {"profit_denies_only": True},
    {"profit_from_now": True},
    {"profit_lock_at": Decimal("500.01")},
    {"profit_lock_floor": Decimal("199.99")},
    {"consistency_percent": 31},
    {"consistency_total": Decimal("3000.01")},
    {"rolling_loss": Decimal(0)},
    {"rolling_days": 4},
    {"rolling_days": 6},
    {"loss_tiers": "80%=deny"},
    {"loss_tiers": "50%=tell 81%=deny"},
    {"max_forced_resumes": "2"},
    {"max_forced_resumes": ""},
    {"mark_jumps": "ES=21"},
    {"mark_jumps": "ES=20 CL=1"},
    {"mark_confirm_seconds": 11},
    {"marks_together_seconds": 1},
]
TIGHTER: list[dict[str, Any]] = [
    {"max_positions": 3},
    {"max_contracts": 3},
    {"daily_stop_loss": Decimal("2499.99")},
    {"symbols": "SI ES"},
    {"on_worker_lost": "flatten"},
    {"stop_approach_percent": 79},
    {"flatten_ms": 9_999},
    {"mark_stale_ms": 999},
    {"point_values": "ES=50 CL=1000"},
    {"account_grace_ms": 999},
    {"account_silent_ms": 1},
    {"account_silence_denies": True},
    {"equity_floor": Decimal("48000.01")},
    {"trailing_drawdown": Decimal("1999.99")},
    {"trailing_locks_at": Decimal(50_101)},
    {"trailing_locks_at": Decimal(0)},
    {"profit_target": Decimal("799.99")},
    {"profit_lock_at": Decimal("499.99"), "profit_lock_floor": Decimal("200.01")},
    {"profit_lock_trail": Decimal(100)},
    {"consistency_percent": 29},
    {"consistency_total": Decimal("2999.99")},
    {"weekly_loss": Decimal(3000)},
    {"weekly_profit": Decimal(3000)},
    {"rolling_loss": Decimal("3999.99")},
    {"rolling_pause_days": 1},
    {"loss_tiers": "50%=tell 70%=above:2 80%=deny"},
    {"max_forced_resumes": "0"},
    {"mark_stale_denies": True},
]


@pytest.mark.parametrize("changed", LOOSER, ids=str)
def test_what_could_allow_more_does_not_count_at_once(changed: dict[str, Any]) -> None:
    before, ordered = limits_of(limits(**ORDINARY)), limits_of(limits(**(ORDINARY | changed)))
    assert limits_named(at_once(before, ordered)) == limits_named(before)


@pytest.mark.parametrize("changed", TIGHTER, ids=str)
def test_what_allows_less_counts_at_once(changed: dict[str, Any]) -> None:
    before, ordered = limits_of(limits(**ORDINARY)), limits_of(limits(**(ORDINARY | changed)))
    assert at_once(before, ordered) == ordered


def test_every_limit_has_its_direction() -> None:
    assert set(NO_LOOSER) == set(Limits.__struct_fields__) - {"by", "reason", "config"}


def test_a_tighter_number_counts_although_how_it_is_reckoned_has_to_wait() -> None:
    before = limits_of(limits(**ORDINARY))
    changed = {"trailing_drawdown": Decimal(1500), "trailing_on_realized": True}
    now = at_once(before, limits_of(limits(**(ORDINARY | changed))))
    assert (now.trailing_drawdown, now.trailing_on_realized) == (Decimal(1500), False)


def test_a_lock_that_arms_earlier_and_holds_less_waits_as_a_whole() -> None:
    before = limits_of(limits(**ORDINARY))
    changed = {"profit_lock_at": Decimal(150), "profit_lock_floor": Decimal(100)}
    assert limits_named(at_once(before, limits_of(limits(**(ORDINARY | changed))))) == limits_named(before)


def test_how_profit_counts_is_free_as_long_as_none_does() -> None:
    before, ordered = limits_of(limits()), limits_of(limits(profit_denies_only=True))
    assert at_once(before, ordered) == ordered


def test_a_limit_of_a_group_that_has_to_wait_waits_with_it() -> None:
    before = limits_of(limits(groups="equities=ES,NQ"))
    now = at_once(before, limits_of(limits(groups="equities=ES energy=CL", group_positions="energy=1")))
    assert (now.groups, now.group_positions) == ("equities=ES,NQ", "")
