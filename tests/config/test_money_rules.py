"""The rules of money in portfolio_optimization.json: optional, bounded, and none of them by half."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from portfold.config import ConfigError, ConfiguredRules
from portfold.coordinator.configured import configured_limits

if TYPE_CHECKING:
    from tests.config.conftest import Folder

FILE = "portfolio_optimization.json"


def write(folder: Folder, **keys: object) -> None:
    for key, value in keys.items():
        folder.change(FILE, f"portfolio_constraints.{key}", value)


def test_where_no_key_is_there_is_no_such_rule_and_the_digest_stays(folder: Folder) -> None:
    assert folder.load().portfolio.rules == ConfiguredRules()
    before = configured_limits(folder.load()).config
    write(folder, weekly_loss=3000)
    assert configured_limits(folder.load()).config != before


def test_what_the_file_says_is_on_the_log_under_the_same_name(folder: Folder) -> None:
    write(folder, start_balance=50_000, trailing_drawdown=2_000.5, trailing_at="16:00")
    write(folder, trailing_zone="America/New_York", loss_tiers="50%=tell 1500=above:2")
    write(folder, max_forced_resumes=0, profit_denies_only=True)
    limits = configured_limits(folder.load())
    assert (limits.start_balance, limits.trailing_drawdown) == (Decimal(50_000), Decimal("2000.5"))
    assert (limits.trailing_at, limits.trailing_zone) == ("16:00", "America/New_York")
    assert (limits.loss_tiers, limits.max_forced_resumes) == ("50%=tell 1500=above:2", "0")
    assert limits.profit_denies_only


def test_a_number_for_each_may_be_written_as_a_number_or_as_a_text(folder: Folder) -> None:
    write(folder, max_symbol_contracts=2, worker_contracts=1.5, worker_entries="3 ibs-ES=1", groups="a=ES,NQ")
    write(folder, group_one_side="a=1.5", max_request_contracts=4)
    limits = configured_limits(folder.load())
    assert (limits.max_symbol_contracts, limits.worker_contracts) == ("2", "1.5")
    assert (limits.worker_entries, limits.groups, limits.group_one_side) == ("3 ibs-ES=1", "a=ES,NQ", "a=1.5")
    assert limits.max_request_contracts == 4


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("weekly_loss", -1, "a number of dollars from 0"),
        ("weekly_loss", 0.001, "at most 2 decimals"),
        ("trailing_at", "4pm", "a time of day"),
        ("loss_tiers", "50%=panic", "up to 8 tiers"),
        ("rolling_days", 31, "from 0 to 30"),
        ("loss_budget", "yes", "default or deny"),
        ("default_risk", 500, "such as CL=400 ES=500"),
        ("max_forced_resumes", 1000, "from 0 to 999"),
        ("profit_from_now", "yes", "true or false"),
        ("max_request_contracts", -1, "contracts from 0 to 10000"),
        ("max_symbol_contracts", "ES=two", "such as 2 or 2 ES=4"),
        ("max_symbol_contracts", 2.5, "such as 2 or 2 ES=4"),
        ("worker_contracts", 2.555, "such as 2 or 2 ibs-ES=1.5"),
        ("contract_weights", "MES=0.00", "such as MES=0.1"),
        ("contract_weights", 0.1, "such as MES=0.1"),
        ("worker_daily_loss", -500, "such as 500 or 500 ibs-ES=800"),
        ("groups", "equities: ES", "such as equities=ES,MES,NQ"),
        ("contracts_ladder", "50000=0", "such as 50000=2"),
        ("max_entries", -1, "entries from 0 to 9999"),
        ("loss_streak_minutes", 10_000, "minutes from 0 to 9999"),
        ("symbol_entries", "ibs-ES=2", "such as 2 or 2 ES=4"),
        ("worker_rate", "fast", "such as 2 or 2 ibs-ES=0.5"),
        ("worker_loss_streak", 2.5, "such as 2 or 2 ibs-ES=4"),
        ("windows", "fri/12:00..close=flatten:", "such as mon-fri/close-10..close=flatten"),
        ("windows", "fri/12:00..close=flatten:energy", "symbols, or a group as the limit groups has it"),
        ("windows", "fri/12:00..close=deny:ENERGY", "symbols that are known, or a group"),
    ],
)
def test_a_value_out_of_bounds_names_its_key(folder: Folder, key: str, value: object, expected: str) -> None:
    write(folder, **{key: value})
    with pytest.raises(ConfigError, match=expected) as refused:
        folder.load()
    assert f"portfolio_constraints.{key}" in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ({"equity_floor": 48_000}, "start_balance"),
        ({"trailing_at": "16:00"}, "trailing_zone"),
        ({"rolling_loss": 1000}, "rolling_days"),
        ({"consistency_percent": 30}, "consistency_total"),
        ({"profit_lock_at": 500, "profit_lock_floor": 500}, "profit_lock_floor"),
        ({"mark_jumps": "ES=20 ES=2000", "mark_confirm_seconds": 10}, "mark_jumps"),
        ({"loss_budget": "default"}, "default_risk"),
        ({"loss_budget": "deny", "default_risk": "ES=0.00"}, "default_risk"),
        ({"loss_budget": "deny", "stop_costs": "ES=5 ES=6"}, "stop_costs"),
        ({"max_symbol_contracts": "2 3"}, "max_symbol_contracts"),
        ({"worker_positions": "bob=1 bob=2"}, "worker_positions"),
        ({"contract_weights": "MES=0.1 MES=1"}, "contract_weights"),
        ({"groups": "a=ES a=CL"}, "groups"),
        ({"groups": "a=ES,ES"}, "groups"),
        ({"group_positions": 2}, "group_positions"),
        ({"groups": "a=ES", "group_contracts": "b=1.5"}, "group_contracts"),
        ({"contracts_ladder": "50000=2"}, "start_balance"),
        ({"loss_streak_minutes": 30}, "loss_streak"),
        ({"symbol_loss_streak_minutes": 30}, "symbol_loss_streak"),
        ({"symbol_loss_streak_within": 30}, "symbol_loss_streak"),
        ({"loss_streak": 21, "loss_streak_within": 30}, "loss_streak"),
        ({"worker_burst": 3}, "worker_rate"),
        ({"rate_repeats": 3}, "worker_rate"),
        ({"symbol_entries_week": "ES=1 ES=2"}, "symbol_entries_week"),
        ({"groups": "CL=CL,NG", "windows": "fri/12:00..close=flatten:CL"}, "windows"),
        ({"start_balance": 50_000, "contracts_ladder": "55000=2 50000=3"}, "contracts_ladder"),
        ({"start_balance": 50_000, "contracts_ladder": "50000=3 55000=2"}, "contracts_ladder"),
    ],
)
def test_half_a_rule_and_one_said_twice_name_what_is_wrong(
    folder: Folder, keys: dict[str, object], missing: str
) -> None:
    write(folder, **keys)
    with pytest.raises(ConfigError, match=f"portfolio_constraints.{missing}"):
        folder.load()


def test_the_largest_floor_below_where_the_lock_is_armed_passes(folder: Folder) -> None:
    write(folder, profit_lock_at=500, profit_lock_floor=499.99)
    assert folder.load().portfolio.rules.profit_lock_floor == Decimal("499.99")
