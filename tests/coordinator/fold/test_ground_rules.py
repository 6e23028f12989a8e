"""What holds for every limit: a slot counts like a position, and no exit is asked, counted or blocked."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from portfold.events.decisions import EventRejected
from portfold.events.incoming import LockoutOrdered, TradingHalted
from tests.coordinator.story import HOUR, Story, code

WIDE: dict[str, Any] = {"max_positions": 10, "max_contracts": 10, "daily_stop_loss": Decimal(9_000)}

TAKES: dict[str, dict[str, Any]] = {
    "max_positions": {"max_positions": 1},
    "max_contracts": {"max_contracts": 1},
    "contracts_ladder": {"start_balance": Decimal(50_000), "contracts_ladder": "50000=1"},
    "worker_positions": {"worker_positions": "1"},
    "worker_contracts": {"worker_contracts": "1"},
    "worker_entries": {"worker_entries": "1"},
    "worker_entries_week": {"worker_entries_week": "1"},
    "max_entries": {"max_entries": 1},
    "max_entries_week": {"max_entries_week": 1},
    "group_positions": {"groups": "both=ES,CL", "group_positions": "1"},
    "group_contracts": {"groups": "both=ES,CL", "group_contracts": "1"},
    "group_one_side": {"groups": "both=ES,CL", "group_one_side": "1"},
    "loss_budget": {"loss_budget": "default", "default_risk": "ES=5000 CL=5000"},
}


@pytest.mark.parametrize("filled", [False, True], ids=["a slot", "a position"])
@pytest.mark.parametrize("rule", TAKES)
def test_a_slot_takes_what_its_position_would_take(rule: str, *, filled: bool) -> None:
    story = Story(**(WIDE | TAKES[rule]))
    assert code(story.asks("ES", worker="ann")) == "allowed"
    if filled:
        story.fills("ES", worker="ann")
    assert code(story.asks("CL", worker="ann")) == rule


@pytest.mark.parametrize("rule", ["symbol_entries", "symbol_entries_week"])
def test_a_slot_of_a_symbol_is_an_entry_there_once_it_is_filled_and_left(rule: str) -> None:
    story = Story(**(WIDE | {rule: "1"}))
    story.enters("ES")
    assert code(story.asks("ES", worker="bob")) == "symbol_in_position"
    story.closes("ES")
    assert code(story.asks("ES", worker="bob")) == rule


# --- exits --------------------------------------------------------------------------------------------------

Way = Callable[[Story], object]


def _loses(dollars: str) -> Way:
    def with_another(story: Story) -> None:
        story.closes("CL", dollars)

    return with_another


def _locks_out(story: Story) -> None:
    story.hears(LockoutOrdered(by="ann", reason="enough", until_ms=story.ms + HOUR))


ENDS: dict[str, tuple[dict[str, Any], Way]] = {
    "halted": ({}, Story.halt),
    "scope_closed": ({}, lambda story: story.hears(TradingHalted(by="ann", reason="x", symbol="SI"))),
    "locked_out": ({}, _locks_out),
    "stopped_out": ({"daily_stop_loss": Decimal(500)}, _loses("-500")),
    "equity_floor": ({"start_balance": Decimal(50_000), "equity_floor": Decimal(49_500)}, _loses("-500")),
    "trailing_drawdown": (
        {"start_balance": Decimal(50_000), "trailing_drawdown": Decimal(500)},
        _loses("-500"),
    ),
    "profit_target": ({"profit_target": Decimal(500)}, _loses("500")),
    "consistency_percent": ({"consistency_percent": 50, "consistency_total": Decimal(1000)}, _loses("500")),
    "weekly_loss": ({"weekly_loss": Decimal(500)}, _loses("-500")),
    "weekly_profit": ({"weekly_profit": Decimal(500)}, _loses("500")),
    "rolling_loss": ({"rolling_loss": Decimal(500), "rolling_days": 2}, _loses("-500")),
    "loss_tiers": ({"loss_tiers": "500=deny"}, _loses("-500")),
    "loss_streak": ({"loss_streak": 1}, _loses("-1")),
    "max_entries": ({"max_entries": 2}, lambda _: None),
    "window": ({}, lambda story: story.change_limits(**WIDE, windows="wed/00:00..23:59=deny")),
    "mark_stale": ({"mark_stale_denies": True, "mark_stale_ms": 60_000}, lambda story: story.after(60_000)),
    "mark_doubted": (
        {"mark_jumps": "CL=1", "mark_confirm_seconds": 60},
        lambda story: story.marks("CL", "-1", price="90"),
    ),
}


@pytest.mark.parametrize("rule", ENDS)
def test_whatever_denies_entries_an_exit_is_taken_and_counted(rule: str) -> None:
    limits, way = ENDS[rule]
    story = Story(**(WIDE | {"rolling_pause_days": 1} | limits if rule == "rolling_loss" else WIDE | limits))
    story.starts("ibs-SI")
    story.enters("ES", "CL")
    way(story)
    assert code(story.asks("SI")) == rule
    before = story.pnl
    decided = story.closes("ES", "-7")
    assert not any(isinstance(one, EventRejected) for one in decided)
    assert story.pnl == before - 7
    assert not any(one.startswith("ES") for one in story.open)
