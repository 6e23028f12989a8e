"""A model of ES's entries, trained on a made-up market."""

from pathlib import Path

from portfold.config import Configuration
from portfold.research.filter.examples import examples_of
from portfold.research.filter.exporting import export
from portfold.research.filter.training import train
from portfold.workers.feeds.synthetic import SyntheticMarket

NAMED = {"ES": {"model": "models/ES.onnx"}}
"""How runtime.json names it, under `workers`."""


def train_es(configuration: Configuration, folder: Path) -> Path:
    """Puts it where runtime.json in `folder` looks for it; returns its file."""
    market = SyntheticMarket(configuration.contracts, days=30, seed=4)
    examples = examples_of("ES", market.bars("ES"), configuration)
    path = folder / "models" / "ES.onnx"
    export(
        path, train(examples, "logistic", folds=3, embargo=0.01), "logistic", "ES", examples, configuration
    )
    return path
