"""Bars of the past as a source of market data: each as one minute, its close as the price, none twice."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import ConfigError, load
from portfold.exchange_time import milliseconds_of
from portfold.log import Log
from portfold.program_log import program_log
from portfold.workers.market.source import (
    MarketRefused,
    MarketSetup,
    MinuteBar,
    MinuteEnd,
    PriceUpdate,
    Update,
)
from portfold.workers.market.sources.replay import ReplaySource, open_csv, open_synthetic

HOUR_MS = 3_600_000
SIX = milliseconds_of(datetime(2025, 1, 7, 6, tzinfo=UTC))
LOG: Log = program_log("feed")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Two hours of ES, the first of which CL has too."""
    folder = tmp_path / "bars"
    folder.mkdir()
    rows = "time,open,high,low,close\n2025-01-07T05:00,1,4,1,3\n"
    (folder / "ES.csv").write_text(f"{rows}2025-01-07T06:00,3,5,2,4\n")
    (folder / "CL.csv").write_text(rows)
    return folder


def setup(
    *symbols: str, since_ms: int | None = None, stop: threading.Event | None = None, **options: object
) -> MarketSetup:
    return MarketSetup(
        {symbol: symbol for symbol in symbols},
        load(None, {}, Path("/")).contracts,
        options,
        {},
        LOG,
        stop or threading.Event(),
        Path("runtime.json"),
        since_ms=since_ms,
    )


def given(source: ReplaySource) -> list[Update]:
    return [update for update in source.updates() if update is not None]


def minute(symbol: str, end_ms: int, prices: str) -> MinuteBar:
    opened, high, low, close = map(Decimal, prices.split())
    return MinuteBar(symbol, end_ms, opened, high, low, close, 0, "")


def test_each_bar_is_the_minute_in_which_it_ended(bars: Path) -> None:
    assert given(open_csv(setup("ES", "CL", folder=str(bars), pace_seconds=0))) == [
        PriceUpdate("CL", Decimal(3), SIX),
        minute("CL", SIX, "1 4 1 3"),
        PriceUpdate("ES", Decimal(3), SIX),
        minute("ES", SIX, "1 4 1 3"),
        MinuteEnd(SIX),
        PriceUpdate("ES", Decimal(4), SIX + HOUR_MS),
        minute("ES", SIX + HOUR_MS, "3 5 2 4"),
        MinuteEnd(SIX + HOUR_MS),
    ]


def test_it_goes_on_behind_what_is_there(bars: Path) -> None:
    def behind(since_ms: int) -> list[Update]:
        return given(open_csv(setup("ES", since_ms=since_ms, folder=str(bars), pace_seconds=0)))

    assert behind(SIX - 1) == behind(0)
    assert [type(update) for update in behind(SIX)] == [PriceUpdate, MinuteBar, MinuteEnd]
    assert behind(SIX)[-1] == MinuteEnd(SIX + HOUR_MS)
    assert behind(SIX + HOUR_MS) == []


def test_it_waits_as_long_as_the_bars_are_apart_and_ends_when_it_is_told_to(bars: Path) -> None:
    stop = threading.Event()
    updates = open_csv(setup("ES", stop=stop, folder=str(bars))).updates()
    assert [type(next(updates)) for _ in range(3)] == [PriceUpdate, MinuteBar, MinuteEnd]
    assert next(updates) is None, "the next is due in an hour"
    stop.set()
    assert list(updates) == []


def test_it_ends_when_it_is_closed(bars: Path) -> None:
    source = open_csv(setup("ES", folder=str(bars)))
    source.close()
    source.close()
    assert len(given(source)) == 0


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(MarketRefused, match=r"market.symbols: expected symbols with a contract, got ZZ"):
        open_synthetic(setup("ZZ"))
    with pytest.raises(ConfigError, match=r"market.options.days: expected"):
        open_synthetic(setup("ES", days=0))
    with pytest.raises(
        ConfigError, match=r"market.options.speed: expected null, where pace_seconds is given"
    ):
        open_synthetic(setup("ES", pace_seconds=1, speed=60))
    with pytest.raises(ConfigError, match=r"market.options.folder: expected a folder of <SYMBOL>.csv files"):
        open_csv(setup("ES", folder="/nowhere"))
