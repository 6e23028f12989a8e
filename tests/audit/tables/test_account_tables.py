"""Trades and trading days as tables: each figure of a log that was worked out by hand."""

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars
import pytest

from portfold.coordinator.audit.report.days import gather
from portfold.coordinator.audit.tables.account_tables import ACCOUNT_COLUMNS, DAYS, TRADES
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.audit.tables.writing import Written, write_tables
from portfold.events.incoming import (
    NO_EXIT_PRICE,
    ClockTicked,
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory, past_of, realistic
from tests.audit.told import ALL
from tests.coordinator.story import MINUTE, chicago, limits

ES, CL, SI = ("ibs-ES", "s"), ("ibs-CL", "s"), ("ibs-SI", "s")
FLATTENER = ("flattener", "f")
TEN = chicago(2025, 1, 15, 10)
ROLL = chicago(2025, 1, 15, 17)
NEXT_ROLL = chicago(2025, 1, 16, 17)


def bad_wednesday() -> list[tuple[int, Event]]:
    """Half of ES makes 195; CL, marked at -1,200, reaches the stop; the rest is closed within 200 ms."""
    in_force = limits(max_positions=2, daily_stop_loss=Decimal(1000), point_values="CL=1000 ES=50")
    entered, stopped = TEN + MINUTE, TEN + 5 * MINUTE
    return [
        (TEN, in_force),
        (TEN, WorkerStarted(*ES, 1, symbols="ES")),
        (TEN, WorkerStarted(*CL, 1, symbols="CL")),
        (entered, EntryRequested(*ES, 2, "ES", "long", 2, "ibs")),
        (entered, PositionOpened(*ES, 3, "ES", "long", 2, Decimal(5000))),
        (entered + 1, EntryRequested(*CL, 2, "CL", "short", 1)),
        (entered + 1, PositionOpened(*CL, 3, "CL", "short", 1, Decimal(70))),
        (TEN + 3 * MINUTE, EntryRequested(*SI, 1, "SI", "long", 1)),
        (TEN + 4 * MINUTE, closed(ES, 4, "ES", 1, "5004", "195", reason="=target")),
        (stopped, PositionMarked(*CL, 4, "CL", "short", Decimal("71.2"), Decimal(-1200))),
        (
            stopped + 100,
            closed(FLATTENER, 1, "CL", 1, "71.25", "-1255", side="short", owner="ibs-CL"),
        ),
        (stopped + 200, closed(ES, 5, "ES", 1, "5001", "45", reason="stop loss")),
        (TEN + 6 * MINUTE, EntryRequested(*ES, 6, "ES", "long", 1)),
    ]


def overnight() -> list[tuple[int, Event]]:
    """On Thursday ES is open at -200; on Friday it ends at -350, and nobody said at which price."""
    return [
        (ROLL, ClockTicked()),
        (ROLL + MINUTE, EntryRequested(*ES, 7, "ES", "long", 1, "ibs")),
        (ROLL + MINUTE, PositionOpened(*ES, 8, "ES", "long", 1, Decimal(5010))),
        (ROLL + 2 * MINUTE, PositionMarked(*ES, 9, "ES", "long", Decimal(5006), Decimal(-200))),
        (NEXT_ROLL, ClockTicked()),
        (
            NEXT_ROLL + MINUTE,
            closed(ES, 10, "ES", 1, "5003", "-350", commission="0", reason=NO_EXIT_PRICE),
        ),
    ]


def closed(
    who: tuple[str, str], seq: int, symbol: str, size: int, price: str, pnl: str, **more: Any
) -> PositionClosed:
    fields: dict[str, Any] = {"side": "long", "commission": "5", "reason": ""} | more
    fields |= {"price": Decimal(price), "commission": Decimal(fields["commission"]), "pnl": Decimal(pnl)}
    return PositionClosed(*who, seq, symbol=symbol, size=size, **fields)


def record() -> InMemory:
    return past_of(*bad_wednesday(), *overnight())


def written(folder: Path, form: Format = "jsonl") -> Written:
    return write_tables(record(), folder, form)


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    """The rows as JSON lines have them, amounts exact."""
    lines = (folder / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def test_a_row_for_each_close_with_its_owner_its_prices_and_what_of_it_fell_on_the_day(folder: Path) -> None:
    written(folder)
    target, by_flattener, rest, held_overnight = rows(folder, "trades")
    assert target == {
        "event": f"{TEN + 4 * MINUTE}-0",
        "day": "2025-01-15",
        "opened": "2025-01-15T16:01:00.000Z",
        "closed": "2025-01-15T16:04:00.000Z",
        "worker": "ibs-ES",
        "strategy": "ibs",
        "symbol": "ES",
        "side": "long",
        "size": 1,
        "entry_price": 5000,
        "exit_price": 5004,
        "commission": 5,
        "pnl": 195,
        "booked": 195,
        "daily_pnl": 195,
        "reason": "=target",
    }
    assert (by_flattener["worker"], by_flattener["closed_by"]) == ("ibs-CL", "flattener")
    assert (by_flattener["entry_price"], by_flattener["exit_price"]) == (70, Decimal("71.25"))
    assert (by_flattener["pnl"], by_flattener["daily_pnl"]) == (-1255, -1060)
    assert "strategy" not in by_flattener
    assert (rest["closed"], rest["pnl"], rest["daily_pnl"]) == ("2025-01-15T16:05:00.200Z", 45, -1015)
    assert (held_overnight["day"], held_overnight["opened"]) == ("2025-01-17", "2025-01-15T23:01:00.000Z")
    assert (held_overnight["pnl"], held_overnight["booked"]) == (-350, -150)
    assert held_overnight["strategy"] == "ibs"


def test_a_price_that_nobody_reported_is_no_price(folder: Path) -> None:
    written(folder)
    last = rows(folder, "trades")[-1]
    assert "exit_price" not in last
    assert last["reason"] == NO_EXIT_PRICE


def test_a_row_for_each_trading_day_with_its_stop_and_its_denials(folder: Path) -> None:
    written(folder)
    wednesday, thursday, friday = rows(folder, "days")
    assert wednesday == {
        "day": "2025-01-15",
        "zone": "America/Chicago",
        "begins": "2025-01-14T23:00:00.000Z",
        "ends": "2025-01-15T23:00:00.000Z",
        "pnl": -1015,
        "realized": -1015,
        "worst_pnl": -1060,
        "best_pnl": 195,
        "daily_stop_loss": 1000,
        "limit_used": Decimal("1.06"),
        "stops": 1,
        "stopped": "2025-01-15T16:05:00.000Z",
        "stop_pnl": -1005,
        "trades": 3,
        "won": 2,
        "asked": 4,
        "allowed": 2,
        "denied": 2,
        "denied_by_code": "max_positions 1, stopped_out 1",
        "most_open": 2,
        "max_positions": 2,
    }
    assert (thursday["day"], thursday["pnl"], thursday["realized"]) == ("2025-01-16", -200, 0)
    assert (thursday["trades"], thursday["asked"], thursday["stops"]) == (0, 1, 0)
    assert not {"stopped", "stop_pnl", "denied_by_code"}.intersection(thursday)
    assert (friday["day"], friday["pnl"], friday["trades"], friday["won"]) == ("2025-01-17", -150, 1, 0)


def test_the_figures_are_those_of_the_report(folder: Path) -> None:
    log = realistic(600, seed=5)
    write_tables(log, folder, "jsonl")
    accounts = gather(log, ALL).accounts
    assert [(row["day"], row["pnl"], row["trades"], row["denied"]) for row in rows(folder, "days")] == [
        (account.day, account.pnl, len(account.trades), account.blocked) for account in accounts
    ]
    trades = [trade for account in accounts for trade in account.trades]
    assert [row["booked"] for row in rows(folder, "trades")] == [trade.booked for trade in trades]


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_has_both_tables(folder: Path, form: Format) -> None:
    files = written(folder, form).files
    assert [name for name in files if name.startswith(("trades", "days"))] == [
        f"{table}-000001.parquet" if form == "parquet" else f"{table}.{form}" for table in ("trades", "days")
    ]
    assert all((folder / name).stat().st_size for name in files)


def test_csv_has_every_column_and_nothing_that_a_spreadsheet_would_compute(folder: Path) -> None:
    written(folder, "csv")
    for table, columns in ACCOUNT_COLUMNS.items():
        with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as lines:
            header, *found = csv.reader(lines)
        assert header == list(columns)
        assert {len(row) for row in found} == {len(header)}
    with (folder / "trades.csv").open(newline="", encoding="utf-8") as lines:
        first = next(csv.DictReader(lines))
    assert (first["reason"], first["pnl"], first["closed_by"]) == ("'=target", "195", "")


def test_parquet_has_times_and_numbers(folder: Path) -> None:
    written(folder, "parquet")
    [wednesday, *_] = polars.read_parquet(folder / "days-000001.parquet").to_dicts()
    assert wednesday["stopped"] == datetime(2025, 1, 15, 16, 5, tzinfo=UTC)
    assert (wednesday["pnl"], wednesday["trades"]) == (-1015.0, 3)
    assert polars.read_parquet(folder / "trades-000001.parquet")["pnl"].to_list() == [195, -1255, 45, -350]


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")
    documented = page.partition("\n## Tables: `export`\n")[2]
    assert [name for name in (*TRADES, *DAYS) if f"`{name}`" not in documented] == []


# --- a log that is not what was decided -----------------------------------------------------------------


def test_a_record_that_is_decided_otherwise_is_named(folder: Path) -> None:
    altered = record()
    allowed = altered.all[3]
    assert allowed.decisions[0].fields[1] == "EntryAllowed"
    altered.all[3] = allowed._replace(decisions=[])
    found = write_tables(altered, folder, "jsonl")
    at = StreamId(TEN + MINUTE, 0)
    assert found.difference == f"Decision {at.decision(0)} of event {at} is not on record."
    assert written(folder.parent / "whole").difference == ""


def test_a_log_that_ends_before_its_head_is_named(folder: Path) -> None:
    short = record()
    last = short.all.pop()
    found = write_tables(short, folder, "jsonl")
    assert found.difference == f"The record up to {short.all[-1].event.id} does not lead to its head."
    assert last.event.id == short.cursor


def test_without_limits_there_is_no_trading_day(folder: Path) -> None:
    write_tables(past_of((TEN, WorkerStarted(*ES, 1, symbols="ES"))), folder, "jsonl")
    assert rows(folder, "days") == rows(folder, "trades") == []
