"""The whole chain, filter and all: on six random walks it finds nothing, on a planted edge it finds it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from portfold.config import Contract, load
from portfold.research.filter.examples import examples_of
from portfold.research.filter.exporting import export
from portfold.research.filter.training import train
from portfold.research.search.verdict import IN_WORDS, Verdict
from portfold.workers.feeds.csv_folder import CsvFolder
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.research.made import CHICAGO

SYMBOLS = ("6A", "6C", "CL", "ES", "PL", "RTY")
DAYS, LEARNED, CHOSEN = 100, 40, 70
HOURS, STEPS, TICKS = 14, 8, 6
FIRST = datetime(2024, 1, 1, 17, tzinfo=CHICAGO)


def rows(random: Random, contract: Contract, edge: float) -> Iterator[str]:
    """A walk by ticks, hour by hour; after an hour that closed near its low each step of it rises by `edge`
    of a usual one.
    """
    yield "time,open,high,low,close"
    price, weak = 4000, False
    for day in range(DAYS):
        begins = FIRST + timedelta(days=day // 5 * 7 + day % 5)
        for hour in range(HOURS):
            path = [price]
            for _ in range(STEPS):
                path.append(path[-1] + round(random.gauss(TICKS * edge if weak else 0, TICKS)))
            price, low, high = path[-1], min(path), max(path)
            weak = price - low < 0.2 * (high - low)
            prices = (contract.tick_size * ticks for ticks in (path[0], high, low, price))
            yield f"{begins + timedelta(hours=hour):%Y-%m-%dT%H:%M}," + ",".join(f"{one:f}" for one in prices)


def day_number(number: int) -> str:
    """The date of the trading day of that number, from 0."""
    return f"{FIRST + timedelta(days=number // 5 * 7 + number % 5 + 1):%Y-%m-%d}"


@pytest.mark.parametrize(("edge", "ends"), [(0.0, {"luck"}), (0.3, {"holds"})], ids=["walks", "edge"])
def test_six_random_walks_end_in_nothing_here_and_a_planted_edge_is_found(
    edge: float, ends: set[Verdict], tmp_path: Path
) -> None:
    workers = {one: {"model": f"models/{one}.onnx", "min_probability": 0.45} for one in SYMBOLS}
    config = config_folder(
        tmp_path / "config", limits={"symbols": list(SYMBOLS)}, runtime={"workers": workers}
    )
    configuration = load(str(config), {}, tmp_path)
    bars = tmp_path / "bars"
    bars.mkdir()
    for symbol in SYMBOLS:
        made = rows(Random(f"{symbol} 3"), configuration.contracts[symbol], edge)
        (bars / f"{symbol}.csv").write_text("\n".join(made) + "\n")
    feed = CsvFolder(bars, zones=dict.fromkeys(SYMBOLS, CHICAGO))
    for symbol in SYMBOLS:
        learned = list(feed.bars(symbol))[: LEARNED * HOURS]
        examples = examples_of(symbol, learned, configuration)
        trained = train(examples, "logistic", folds=3, embargo=0.01)
        path = config / "models" / f"{symbol}.onnx"
        export(path, trained, "logistic", symbol, examples, configuration)
    ran = called("research", "backtest", "--bars", "bars", "--jobs", "1", cwd=tmp_path)
    assert ran.code == 0, ran.err
    spans = ("--train-from", day_number(LEARNED + 1), "--train-to", day_number(CHOSEN))
    loose = ("--max-positions", "3", "--max-dd-limit", "999999", "--max-breach-events", "999", "--jobs", "1")
    judged = ("--test-from", day_number(CHOSEN + 1), "--exhaustive", "never", "--drawings", "1")
    ran = called("research", "optimize", "--bars", "bars", *spans, *judged, *loose, cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert any(IN_WORDS[one] in ran.out for one in ends), ran.out
