"""The whole chain, filter and all: on six random walks it finds nothing, on a planted edge it finds it."""

from pathlib import Path
from random import Random

import pytest

from portfold.config import load
from portfold.research.filter.examples import examples_of
from portfold.research.filter.exporting import export
from portfold.research.filter.training import train
from portfold.research.search.verdict import IN_WORDS, Verdict
from portfold.workers.feeds.csv_folder import CsvFolder
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.research.made import CHICAGO
from tests.research.walks import HOURS, day_number, rows

SYMBOLS = ("6A", "6C", "CL", "ES", "PL", "RTY")
DAYS, LEARNED, CHOSEN = 100, 40, 70


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
        made = rows(Random(f"{symbol} 3"), configuration.contracts[symbol], edge, DAYS)
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
