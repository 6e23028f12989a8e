"""runtime.json: names of a portfolio, zones, times of day, and rules across fields."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from portfold.config import ProtectiveStop, Runtime, StopDistance
from tests.config.conftest import RUNTIME as FILE

if TYPE_CHECKING:
    from tests.config.conftest import Folder


@pytest.mark.parametrize("name", ["main", "a", "A-b_9", "x" * 32])
def test_names_of_a_portfolio(folder: Folder, name: str) -> None:
    folder.change(FILE, "portfolio", name)

    assert folder.load().runtime.portfolio == name


@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "a:b", "{a}", "a\n", "ä", None, 1])
def test_what_would_break_the_keys_is_no_name_of_a_portfolio(folder: Folder, name: object) -> None:
    folder.change(FILE, "portfolio", name)

    assert folder.refusal().startswith(f"{FILE}: portfolio: expected a name of 1 to 32 letters")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Etc/GMT+6"])
def test_zones_that_exist(folder: Folder, zone: str) -> None:
    folder.change(FILE, "trading_day.zone", zone)

    assert folder.load().runtime.trading_day.zone == zone


@pytest.mark.parametrize(
    "zone", ["", "Chicago", "America", "../etc/passwd", "/etc/localtime", "a\0b", "X" * 65, 5, None]
)
def test_zones_that_do_not_exist(folder: Folder, zone: object) -> None:
    for key in ("trading_day.zone", "bar_zones.default"):
        folder.change(FILE, key, zone)

        assert folder.refusal().startswith(f"{FILE}: {key}: expected the name of a time zone")
        folder.change(FILE, key, "UTC")


@pytest.mark.parametrize("roll", ["00:00", "09:59", "23:59"])
def test_times_of_day(folder: Folder, roll: str) -> None:
    folder.change(FILE, "trading_day.roll", roll)

    assert folder.load().runtime.trading_day.roll == roll


@pytest.mark.parametrize("roll", ["24:00", "23:60", "9:00", "17:00:00", "17.00", "", 17, None, "17:00\n"])
def test_what_is_no_time_of_day(folder: Folder, roll: object) -> None:
    folder.change(FILE, "trading_day.roll", roll)

    assert folder.refusal().startswith(f"{FILE}: trading_day.roll: expected a time of day as HH:MM")


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("worker_lost_seconds", 2.001, 2),
        ("heartbeat_seconds", 2.499, 2.5),
        ("reservation_seconds", 2.001, 2),
        ("answer_seconds", 29.999, 30),
        ("mark_stale_seconds", 5.001, 5),
        ("workers.default.entry_below", 0.79, 0.8),
        ("workers.default.exit_above", 0.21, 0.2),
    ],
)
def test_rules_across_fields(folder: Folder, key: str, value: float, refused: float) -> None:
    folder.change(FILE, key, value)
    folder.load()

    folder.change(FILE, key, refused)
    assert " than " in folder.refusal()


def test_a_rule_across_fields_tells_both_values(folder: Folder) -> None:
    folder.change(FILE, "workers.ES", {"entry_below": 0.9})

    assert folder.refusal() == (
        f"{FILE}: workers.ES.entry_below: expected less than exit_above, which is 0.8, got 0.9."
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"entry_from": 0.3}, "entry_from: expected at most entry_below, which is 0.2, got 0.3"),
        ({"exit_to": 0.7}, "exit_above: expected at most exit_to, which is 0.7, got 0.8"),
        ({"stop_percent": 1, "stop_atr": 2}, "stop_atr: expected null, where stop_percent is given, got 2"),
        (
            {"take_profit_percent": 1, "take_profit_atr": 2.5},
            "take_profit_atr: expected null, where take_profit_percent is given, got 2.5",
        ),
        ({"entry_hours": "09:00-09:00"}, "entry_hours: expected two different times, got 09:00-09:00"),
        (
            {"entry_hours": "9-15"},
            'entry_hours: expected two times of day as HH:MM-HH:MM, such as 08:30-15:00, got "9-15"',
        ),
        ({"exit_at": "24:00"}, 'exit_at: expected a time of day as HH:MM, such as 17:00, got "24:00"'),
        (
            {"model": "models/ES.pkl"},
            'model: expected the file of a model, such as models/ES.onnx, got "models/ES.pkl"',
        ),
    ],
)
def test_what_cannot_be_traded_by_is_refused(folder: Folder, changed: dict[str, object], told: str) -> None:
    folder.change(FILE, "workers.ES", changed)

    assert folder.refusal() == f"{FILE}: workers.ES.{told}."


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        ({}, "protective_stop: expected exactly one of ticks, dollars and atr, got none"),
        (
            {"ticks": 8, "atr": 2},
            "protective_stop: expected exactly one of ticks, dollars and atr, got ticks and atr",
        ),
        (
            {"ticks": 8, "symbols": {"CL": {"atr_bars": 3}}},
            "protective_stop.symbols.CL: expected exactly one of ticks, dollars and atr, got none",
        ),
        (
            {"ticks": 0},
            "protective_stop.ticks: expected a whole number of ticks from 1 to 100000, got 0",
        ),
        (
            {"dollars": 0},
            "protective_stop.dollars: expected a number of dollars from 0.01 to 999999999.99 with at most 2 "
            "decimals, got 0",
        ),
        (
            {"atr": 100.5},
            "protective_stop.atr: expected a number of average true ranges from 0.01 to 100 with at most 4 "
            "decimals, got 100.5",
        ),
    ],
)
def test_a_protective_stop_has_one_distance(folder: Folder, stop: dict[str, object], told: str) -> None:
    folder.change(FILE, "protective_stop", stop)

    assert folder.refusal() == f"{FILE}: {told}."


def test_a_symbol_may_have_another_protective_stop_or_none() -> None:
    own = StopDistance(dollars=Decimal(500))
    runtime = Runtime(protective_stop=ProtectiveStop(ticks=40, symbols={"CL": own, "GC": None}))
    assert runtime.stop_distance("ES") == ProtectiveStop(ticks=40, symbols={"CL": own, "GC": None})
    assert (runtime.stop_distance("CL"), runtime.stop_distance("GC")) == (own, None)
    assert Runtime().stop_distance("ES") is None


def test_the_rules_hold_for_values_built_in_code_too() -> None:
    with pytest.raises(ValueError, match=r"worker_lost_seconds: expected more than twice heartbeat_seconds"):
        Runtime(heartbeat_seconds=2.5)
