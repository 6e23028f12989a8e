"""Files in DBN are read through the same decoding as the live data, to the last digit."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard

from portfold.exchange_time import utc
from portfold.workers.market.minute_bars import MinuteBars, Traded
from portfold.workers.market.source import MINUTE_MS, MinuteBar
from portfold.workers.market.sources.databento.history import read_file
from portfold.workers.market.sources.databento.subscription import Symbols
from portfold.workers.market.sources.items import ClockAt, Mapped, SessionOf
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.wire import dbn
from tests.workers.market.traded import TEN

ESH6 = 5482
ODD_PRICES = ["3702.75", "-37.63", "0.000000001", "9223372036.854775806", "109.015625", "0"]


class _Interval(NamedTuple):
    start_date: Any
    end_date: Any
    symbol: str


class _Mapping(NamedTuple):
    raw_symbol: str
    intervals: list[_Interval]


def write(path: Path, records: list[wire.Record], schema: str | None = "ohlcv-1s") -> Path:
    """A file as the historical API gives it, or as a live session is recorded."""
    day = utc(TEN).date()
    mappings = [_Mapping("ESH6", [_Interval(day, utc(TEN + 86_400_000).date(), str(ESH6))])]
    header = dbn.Metadata(
        "GLBX.MDP3",
        TEN * wire.NS_IN_MS,
        dbn.SType.RAW_SYMBOL if schema else None,
        dbn.SType.INSTRUMENT_ID,
        dbn.Schema.from_str(schema) if schema else None,
        ["ESH6"] if schema else [],
        mappings=mappings if schema else [],
        version=dbn.DBN_VERSION,
    )
    whole = header.encode() + b"".join(map(bytes, records))
    path.write_bytes(zstandard.compress(whole) if path.suffix == ".zst" else whole)
    return path


@pytest.mark.parametrize("name", ["bars.dbn", "bars.dbn.zst"])
def test_bars_to_the_last_digit(tmp_path: Path, name: str) -> None:
    records = [
        wire.bar(ESH6, TEN + second * 1_000, price, second + 1) for second, price in enumerate(ODD_PRICES)
    ]
    items = list(read_file(write(tmp_path / name, records), Symbols({"ES": "ESH6"})))
    assert items[0] == Mapped("ES", "ESH6", TEN)
    traded = [each for each in items if isinstance(each, Traded)]
    assert [f"{each.close:f}" for each in traded] == ODD_PRICES
    assert [(each.at_ms, each.volume) for each in traded] == [
        (TEN + second * 1_000, second + 1) for second in range(len(ODD_PRICES))
    ]


def test_trades_and_the_session(tmp_path: Path) -> None:
    records = [
        wire.status(ESH6, TEN, is_trading=True),
        wire.trade(ESH6, TEN + 1, "3702.75", 3),
        wire.trade(999, TEN + 2, "1", 3),
    ]
    items = list(read_file(write(tmp_path / "trades.dbn.zst", records, "trades"), Symbols({"ES": "ESH6"})))
    assert items[1] == SessionOf("ES", is_open=True, at_ms=TEN)
    assert [str(each.open) for each in items if isinstance(each, Traded)] == ["3702.75"]
    assert [each for each in items if isinstance(each, ClockAt)] == [ClockAt(TEN + 1 - 1_000)]


def test_a_recorded_session_names_its_contracts_itself(tmp_path: Path) -> None:
    listing = wire.Listing(utc(TEN).date(), "ESH6", ESH6)
    records = [
        wire.mapping("ES.v.0", listing, TEN),
        wire.bar(ESH6, TEN, "10"),
        wire.bar(ESH6, TEN + MINUTE_MS, "11"),
    ]
    bars, found = MinuteBars(TEN), []
    for item in read_file(write(tmp_path / "live.dbn.zst", records, None), Symbols({"ES": "ES.v.0"})):
        if isinstance(item, Traded):
            assert bars.add(item)
        elif isinstance(item, ClockAt):
            found += list(bars.at(item.at_ms))
    (bar,) = [each for each in found if isinstance(each, MinuteBar)]
    assert (bar.contract, str(bar.close), bar.end_ms) == ("ESH6", "10", TEN + MINUTE_MS)


def test_a_record_without_a_price_is_passed_over(tmp_path: Path) -> None:
    nothing = dbn.UNDEF_PRICE
    at_ns = TEN * wire.NS_IN_MS
    records = [
        dbn.OHLCVMsg(32, 1, ESH6, at_ns, nothing, nothing, nothing, nothing, 0),
        wire.bar(ESH6, TEN, "10"),
    ]
    items = read_file(write(tmp_path / "bars.dbn", records), Symbols({"ES": "ESH6"}))
    assert [str(each.close) for each in items if isinstance(each, Traded)] == ["10"]
