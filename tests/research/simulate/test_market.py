"""Where research has its bars from: the very bars that a worker trades."""

import threading
from pathlib import Path

import pytest

from portfold.config import Feed, load
from portfold.research.errors import ResearchError
from portfold.research.simulate.market import SYNTHETIC, ResearchMarket
from portfold.workers.feeds.protocol import FeedSetup
from portfold.workers.feeds.registry import open_feed
from tests.processes import config_folder
from tests.research.made import packaged


def test_the_synthetic_market_is_that_of_the_worker() -> None:
    market = ResearchMarket(SYNTHETIC, days=3, seed=9).open(packaged())
    for symbol in market.symbols[:2]:
        entry = Feed(SYNTHETIC, {"days": 3, "seed": 9, "pace_seconds": 0})
        live = open_feed(FeedSetup(packaged(), symbol, threading.Event(), entry))
        assert list(market.bars(symbol)) == list(live.bars(symbol))


def test_a_folder_is_read_on_the_clocks_that_the_worker_reads_it_on(tmp_path: Path) -> None:
    folder = config_folder(tmp_path / "config", runtime={"bar_zones": {"ES": "America/New_York"}})
    configuration = load(str(folder), {}, tmp_path)
    (tmp_path / "ES.csv").write_text("time,open,high,low,close\n2025-01-06T09:00,1,1,1,1\n")
    entry = Feed("csv", {"folder": str(tmp_path), "pace_seconds": 0})
    live = open_feed(FeedSetup(configuration, "ES", threading.Event(), entry))
    bars = list(ResearchMarket(str(tmp_path)).open(configuration).bars("ES"))
    assert bars == list(live.bars("ES"))
    assert bars[0].time.hour == 15


def test_a_market_that_cannot_be_is_refused() -> None:
    with pytest.raises(ResearchError, match="expected from 1 to 5000 trading days, got 5001"):
        ResearchMarket(SYNTHETIC, days=5001, seed=1).open(packaged())
