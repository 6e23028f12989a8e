"""Parquet is read as the CSV of the same table: the same bars, the same refusals, the same trades."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from portfold.research.trades.results_folder import read_results
from portfold.workers.feeds.csv_folder import BarsError, CsvFolder
from portfold.workers.feeds.parquet_file import ParquetError, parquet_text
from tests.research.made import HEADER, random_trades, write_results

TIMES = [datetime(2024, 1, 2, hour) for hour in (9, 10, 12)]  # noqa: DTZ001 - as a file has them
OHLC = {"open": [4500.25, 4501.0, 1.1], "high": [4502.5] * 3, "low": [0.5] * 3, "close": [4501.75, 2.0, 3.3]}


def write(path: Path, **columns: list[Any]) -> None:
    pl.DataFrame(columns).write_parquet(path)


def test_the_bars_are_those_of_the_same_table_as_csv(tmp_path: Path) -> None:
    write(tmp_path / "ES.parquet", volume=[7, 8, 9], time=TIMES, **OHLC)
    write(tmp_path / "GC.parquet", **OHLC, date=[date(2024, 1, day) for day in (2, 3, 4)])
    csv = tmp_path / "csv"
    csv.mkdir()
    for symbol, form in (("ES", "time,open,high,low,close"), ("GC", "date,open,high,low,close")):
        (csv / f"{symbol}.csv").write_text(parquet_text(tmp_path / f"{symbol}.parquet", forms=(form,)))
    read, same = CsvFolder(tmp_path), CsvFolder(csv)
    assert read.symbols == ("ES", "GC")
    assert [read.form(symbol) for symbol in read.symbols] == ["hourly", "daily"]
    for symbol in read.symbols:
        assert list(read.bars(symbol)) == list(same.bars(symbol))
    first = next(read.bars("ES"))
    assert (first.open, first.close) == (Decimal("4500.25"), Decimal("4501.75"))
    assert first.time == datetime(2024, 1, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "refused"),
    [
        (
            [TIMES[0] + timedelta(minutes=past) for past in (0, 30, 90)],
            "line 3, column time: expected hourly",
        ),
        ([TIMES[0] + timedelta(seconds=past) for past in (0, 5, 9)], "line 2, column time: expected a time"),
        ([datetime(2024, 1, 2, hour, tzinfo=UTC) for hour in (9, 10, 11)], "line 2, column time: expected a"),
        ([TIMES[0], None, TIMES[2]], "line 3, column time: expected a time"),
    ],
)
def test_bars_that_are_closer_or_not_of_the_form_are_refused(
    times: list[Any], refused: str, tmp_path: Path
) -> None:
    write(tmp_path / "ES.parquet", time=times, **OHLC)
    with pytest.raises(BarsError, match=refused):
        list(CsvFolder(tmp_path).bars("ES"))


def test_a_file_that_is_no_parquet_or_has_no_plain_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "ES.parquet").write_bytes(b"time,open")
    with pytest.raises(BarsError, match=r"ES\.parquet: expected Parquet"):
        CsvFolder(tmp_path).bars("ES")
    write(tmp_path / "GC.parquet", nested=[[1], [2]])
    with pytest.raises(ParquetError, match="expected columns of numbers, times and text, got 'nested'"):
        parquet_text(tmp_path / "GC.parquet")


def test_trades_are_those_of_the_same_table_as_csv(tmp_path: Path) -> None:
    zone = ZoneInfo("America/Chicago")
    write_results(tmp_path, random_trades(3, ("ES",), each=9))
    as_csv = read_results(tmp_path, zone=zone)
    file = tmp_path / "ES_optimization" / "ES_rf_best_trades.csv"
    table = pl.read_csv(file, schema_overrides={"Date/Time": pl.Datetime})
    assert tuple(table.columns) == HEADER
    file.unlink()
    typed = table.with_columns(
        pl.col("Date/Time").dt.replace_time_zone(zone.key), pl.col("Model_Selected").cast(pl.Boolean)
    )
    typed.write_parquet(file.with_suffix(".parquet"))
    assert read_results(tmp_path, zone=zone).trades == as_csv.trades
