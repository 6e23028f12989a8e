"""Bars brought as if they ended now: each when it is due, none lost, and an end whenever one is wanted."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import ConfigError, Configuration, ConfiguredFeed, load
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.feeds.played import PlayedFeed, at_speed, every
from portfold.workers.feeds.protocol import FeedSetup
from portfold.workers.feeds.registry import feed_for, open_feed
from tests.processes import config_folder

MONDAY = datetime(2025, 1, 6, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEKEND = timedelta(hours=66)


def bar(after: timedelta) -> Bar:
    price = Decimal(5000)
    return Bar("ES", MONDAY + after, price, price, price, price)


class Recorded:
    """A feed of three bars, an hour and a weekend apart."""

    symbols = ("ES",)

    def bars(self, _symbol: str) -> Any:
        return iter([bar(timedelta()), bar(HOUR), bar(HOUR + WEEKEND)])


class Waits:
    """A clock, and waiting by it; whoever takes a bar needs `slow` for it, and is stopped `stop_after`."""

    def __init__(self, slow: float = 0.0, stop_after: float = 1e9) -> None:
        self.now = 100.0
        self._slow = slow
        self._stop_at = self.now + stop_after

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.now = min(self.now + seconds, self._stop_at)
        return self.now >= self._stop_at

    def times(self, feed: PlayedFeed) -> list[float]:
        """When each bar came, in seconds after the first was asked for."""
        came = []
        for _ in feed.bars("ES"):
            came.append(self.now - 100.0)
            self.now += self._slow
        return came


@pytest.mark.parametrize(
    ("schedule", "came"),
    [
        (every(2), [0, 2, 4]),
        (every(0), [0, 0, 0]),
        (at_speed(3600), [0, 1, 67]),
        (at_speed(1), [0, 3600, 3600 * 67]),
    ],
)
def test_each_bar_comes_when_it_is_due(schedule: Any, came: list[float]) -> None:
    clock = Waits()
    assert clock.times(PlayedFeed(Recorded(), schedule, clock.wait, clock.monotonic)) == came


def test_whoever_is_too_slow_gets_late_bars_at_once_and_all_of_them() -> None:
    clock = Waits(slow=3)
    assert clock.times(PlayedFeed(Recorded(), every(2), clock.wait, clock.monotonic)) == [0, 3, 6]


@pytest.mark.parametrize(("stop_after", "bars"), [(0.5, 1), (1.5, 2), (66.5, 2), (67.5, 3)])
def test_it_ends_when_told_to(stop_after: float, bars: int) -> None:
    clock = Waits(stop_after=stop_after)
    assert len(clock.times(PlayedFeed(Recorded(), at_speed(3600), clock.wait, clock.monotonic))) == bars


@given(hours=st.lists(st.integers(1, 100), max_size=20), speed=st.integers(1, 10**6))
def test_pauses_are_the_markets_divided_by_the_speed(hours: list[int], speed: int) -> None:
    class Some(Recorded):
        def bars(self, _symbol: str) -> Any:
            return (bar(sum(hours[:number]) * HOUR) for number in range(len(hours) + 1))

    clock = Waits()
    came = clock.times(PlayedFeed(Some(), at_speed(speed), clock.wait, clock.monotonic))
    assert came == pytest.approx([sum(hours[:number]) * 3600 / speed for number in range(len(hours) + 1)])


# --- as the configuration, or the command line, has it ----------------------------------------------------


def configured(folder: Path, **runtime: Any) -> Configuration:
    return load(str(config_folder(folder / "config", runtime=runtime)), {}, folder)


def opened(configuration: Configuration, entry: ConfiguredFeed | None = None) -> Any:
    feed = entry or configuration.runtime.feed
    return open_feed(FeedSetup(configuration, "ES", threading.Event(), feed))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bars = tmp_path / "bars"
    bars.mkdir()
    lines = ["time,open,high,low,close", *(f"2025-01-06T{hour:02}:00,1,2,1,2" for hour in (9, 10))]
    (bars / "ES.csv").write_text("\n".join(lines))
    return bars


@pytest.mark.parametrize(
    ("kind", "options"),
    [("csv", {"pace_seconds": 0}), ("replay", {"speed": 1_000_000_000}), ("synthetic", None)],
)
def test_the_configuration_names_the_feed(tmp_path: Path, folder: Path, kind: str, options: Any) -> None:
    entry = {
        "kind": kind,
        "options": {"days": 1, "pace_seconds": 0} if options is None else {"folder": str(folder), **options},
    }
    bars = list(opened(configured(tmp_path, feed=entry)).bars("ES"))
    assert len(bars) == (23 if kind == "synthetic" else 2)


def test_bars_are_read_on_the_clock_of_their_symbol_and_keep_their_time(tmp_path: Path, folder: Path) -> None:
    entry = {"kind": "csv", "options": {"folder": str(folder), "pace_seconds": 0}}
    configuration = configured(tmp_path, feed=entry, bar_zones={"ES": "America/New_York"})
    first, _ = opened(configuration).bars("ES")
    assert first.time == datetime(2025, 1, 6, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            {"kind": "cvs"},
            "feed.kind: expected one of bus, csv, replay, synthetic, or FILE.py:NAME for one of your ",
        ),
        ({"kind": "csv"}, "feed.options.folder: expected the whole path of a folder"),
        ({"kind": "csv", "options": {"folder": "bars"}}, "feed.options.folder: expected the whole path"),
        (
            {"kind": "replay", "options": {"folder": "/x", "speed": 0}},
            "feed.options.speed: expected a number",
        ),
        (
            {"kind": "synthetic", "options": {"sed": 1}},
            "feed.options.sed: expected a known key (the nearest is seed)",
        ),
        ({"kind": "none.py:NAME"}, "feed.kind: expected a file that is there, got "),
        (
            {"kind": "bad.py:NAME"},
            'feed.kind: expected something to import, got "bad.py:NAME": ZeroDivisionError',
        ),
        ({"kind": "good.py:NAME"}, 'feed.kind: expected the name of a function, got "good.py:NAME"'),
        (
            {"kind": "good.py:OTHER"},
            'feed.kind: expected something to import, got "good.py:OTHER": AttributeError',
        ),
        ({"kind": "good.py:none"}, "feed.kind: expected a feed, got one that has no bars"),
        ({"kind": "nowhere.at_all:NAME"}, "feed.kind: expected something to import, got "),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(tmp_path: Path, entry: Any, sentence: str) -> None:
    configuration = configured(tmp_path, feed=entry)
    (tmp_path / "config" / "bad.py").write_text("1 / 0")
    (tmp_path / "config" / "good.py").write_text("NAME = 3\ndef none(setup): return None\n")
    with pytest.raises(ConfigError) as refused:
        opened(configuration)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_none_is_the_bars_fault(tmp_path: Path) -> None:
    with pytest.raises(BarsError, match="is not a folder"):
        opened(configured(tmp_path), ConfiguredFeed("csv", {"folder": "/nowhere"}))


@pytest.mark.parametrize(
    ("bars", "options", "kind", "wanted"),
    [
        (None, {}, "synthetic", {"seed": 5}),
        (None, {"seed": 7}, "synthetic", {"seed": 7}),
        ("synthetic", {"days": 3}, "synthetic", {"seed": 5, "days": 3}),
        ("driven", {}, "driven", {}),
        ("mine.py:Feed", {}, "mine.py:Feed", {}),
        ("/bars", {"pace_seconds": Decimal(2)}, "csv", {"folder": "/bars", "pace_seconds": Decimal(2)}),
        ("/bars", {"speed": Decimal(60)}, "replay", {"folder": "/bars", "speed": Decimal(60)}),
        ("bars", {}, "csv", {"folder": str(Path.cwd() / "bars")}),
    ],
)
def test_the_command_line_goes_before_the_configuration(
    bars: str | None, options: dict[str, Any], kind: str, wanted: dict[str, Any]
) -> None:
    nothing = dict.fromkeys(("pace_seconds", "speed", "seed", "days"))
    found = feed_for(ConfiguredFeed("synthetic", {"seed": 5}), bars, {**nothing, **options})
    assert (found.kind, dict(found.options)) == (kind, wanted)
