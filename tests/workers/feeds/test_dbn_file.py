"""Hourly bars in DBN lie in a folder like those in CSV, exact to the last digit; all else is refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zstandard

from portfold.exchange_time import milliseconds_of
from portfold.workers.feeds.csv_folder import BarsError, CsvFolder
from tests.fakes.databento_gateway.wire import dbn

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
ODD = ("3702.75", "-37.63", "0.000000001", "0")
HOURLY = "time,open,high,low,close\n2026-03-02T00:00,1,2,0,1\n"


def opened(hours: float) -> int:
    """So many hours after midnight, in nanoseconds."""
    return milliseconds_of(MIDNIGHT + timedelta(hours=hours)) * 1_000_000


def record(hours: float, price: str, instrument: int = 5482) -> Any:
    units = int(Decimal(price) * 10**9)
    return dbn.OHLCVMsg(dbn.RType.OHLCV_1H, 1, instrument, opened(hours), *[units] * 4, 7)


def whole(records: Sequence[Any], schema: str = "ohlcv-1h") -> bytes:
    stype = dbn.SType.RAW_SYMBOL, dbn.SType.INSTRUMENT_ID
    header = dbn.Metadata("GLBX.MDP3", opened(0), *stype, dbn.Schema.from_str(schema), ["ESH6"])
    encoded: bytes = header.encode()
    return encoded + b"".join(map(bytes, records))


def hourly(prices: Sequence[str] = ODD) -> bytes:
    return whole([record(hours, price) for hours, price in enumerate(prices)])


def refusal(folder: Path, content: bytes, name: str = "ES.dbn") -> str:
    (folder / name).write_bytes(content)
    with pytest.raises(BarsError) as refused:
        list(CsvFolder(folder).bars("ES"))
    return str(refused.value)


@pytest.mark.parametrize("name", ["ES.dbn", "ES.dbn.zst", "es.DBN.ZST"])
def test_bars_end_an_hour_after_they_open_and_have_each_digit(tmp_path: Path, name: str) -> None:
    content = hourly()
    (tmp_path / name).write_bytes(zstandard.compress(content) if "z" in name.lower() else content)
    (tmp_path / "CL.csv").write_text(HOURLY)
    folder = CsvFolder(tmp_path)
    assert (folder.symbols, folder.form("ES")) == (("CL", "ES"), "hourly")
    for _ in range(2):  # it may be read again
        bars = list(folder.bars("ES"))
        assert [bar.close for bar in bars] == [Decimal(price) for price in ODD]
        assert [bar.time for bar in bars] == [MIDNIGHT + timedelta(hours=hour) for hour in range(1, 5)]


def test_a_span_of_dates_is_kept_to_by_when_bars_open(tmp_path: Path) -> None:
    (tmp_path / "ES.dbn").write_bytes(whole([record(23, "1"), record(24, "2"), record(48, "3")]))
    folder = CsvFolder(tmp_path, first=date(2026, 3, 3), last=date(2026, 3, 3))
    assert [bar.close for bar in folder.bars("ES")] == [Decimal(2)]


@pytest.mark.parametrize("schema", ["ohlcv-1m", "ohlcv-1s", "ohlcv-1d", "trades"])
def test_bars_closer_than_an_hour_and_of_other_days_are_refused(tmp_path: Path, schema: str) -> None:
    said = refusal(tmp_path, whole([record(0, "1")], schema))
    assert f"ES.dbn, schema: expected ohlcv-1h, bars of an hour, got {schema}" in said


def test_two_contracts_of_one_hour_are_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, whole([record(0, "1"), record(0, "1.5", instrument=9)]))
    assert "expected the bars of one contract, each later" in said
    assert "got another of 2026-03-02T00:00 (record 2)" in said


@pytest.mark.parametrize("cut", [1, 60, -1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    assert "ES.dbn, file: expected DBN" in refusal(tmp_path, hourly()[:cut])


@pytest.mark.parametrize("cut", [1, 60, -10])
def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    compressed = zstandard.compress(hourly([str(price) for price in range(500)]))
    assert "ES.dbn.zst, file: expected DBN" in refusal(tmp_path, compressed[:cut], "ES.dbn.zst")


def test_other_bytes_are_no_dbn(tmp_path: Path) -> None:
    assert "file: expected DBN" in refusal(tmp_path, b"time,open,high,low,close\n" * 20)


def test_a_symbol_with_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ES.dbn").write_bytes(hourly())
    (tmp_path / "ES.csv").write_text(HOURLY)
    with pytest.raises(BarsError, match=r"expected one file of ES in .*, got ES.csv and ES.dbn"):
        CsvFolder(tmp_path)
