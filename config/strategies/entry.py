"""A worker's entry in runtime.json that names its strategy, and what the keys of `workers` mean.

    "ES": {"strategy": "opening_range", "params": {"range_minutes": 15}}      one that ships
    "CL": {"strategy": "my_strategy.py:MyStrategy", "params": {…}}            a file beside runtime.json
    "ES:early": {"strategy": …}                                               a second worker of ES

Only the parameters of those that ship can be read here: a file of the user's is run by its worker, and by
nobody before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Struct, field

from portfold.bounds import SYMBOL
from portfold.config.errors import ConfigError, describe
from portfold.config.reading import read_strict
from portfold.config.rules import Options, Text, kind_of
from portfold.config.strategies.ibs import FRACTION, MODEL_FILE, IbsParameters
from portfold.config.strategies.shipped import SHIPPED

IBS = "ibs"
_NAME = r"[a-z][a-z0-9_]{0,31}"
WorkerKey = Annotated[
    str,
    Text(
        rf"{SYMBOL}(?::{_NAME})?|default",
        'a symbol of 1 to 12 capitals or digits, such as ES or 6A, a name behind it, ES:early, or "default"',
    ),
]


class StrategyEntry(Struct, frozen=True):
    """What a worker trades by: `strategy`, one that ships or one of the user's own, with its `params`.

    `model`: the file of the filter that each entry must pass, from the folder of runtime.json, None for no
    filter; `min_probability`: what it must give an entry at least.
    """

    strategy: Annotated[str, kind_of("atr_dip")]
    params: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)
    model: Annotated[str, MODEL_FILE] | None = None
    min_probability: Annotated[float, FRACTION] = 0.5


WorkerEntry = IbsParameters | StrategyEntry


def symbol_of(key: str) -> str:
    """Returns the symbol that the worker of a key of `workers` trades."""
    return key.partition(":")[0]


def worker_name(key: str, entry: WorkerEntry) -> str:
    """Returns the name on the log of the worker of a key: its own, or that of its strategy."""
    symbol, _, name = key.partition(":")
    strategy = entry.strategy if isinstance(entry, StrategyEntry) else IBS
    return f"{name or strategy.rpartition(':')[2]}-{symbol}"


def own_file(entry: WorkerEntry, runtime: Path) -> Path | None:
    """Returns the file of a strategy of the user's own, None for one that ships or is installed."""
    source, _, _ = entry.strategy.rpartition(":") if isinstance(entry, StrategyEntry) else ("", "", "")
    return runtime.parent / source if source.endswith(".py") else None


def shipped_parameters(entry: WorkerEntry, path: Path, where: str) -> Struct | None:
    """Returns the parameters of a strategy that ships, None for one of the user's own.

    `path` and `where`: the file and the place of the entry in it. Raises ConfigError.
    """
    if isinstance(entry, IbsParameters):
        return entry
    if ":" in entry.strategy:
        return None
    shape = SHIPPED.get(entry.strategy)
    if shape is None:
        expected = f"one of {', '.join(SHIPPED)}, or FILE.py:NAME for one of your own"
        raise ConfigError(path, f"{where}.strategy", expected, describe(entry.strategy))
    return read_strict(shape, dict(entry.params), path, f"{where}.params")


def filled_in(default: object, own: object) -> object:
    """Returns an entry with what it leaves out filled in from the file's "default" entry.

    One that names another strategy than the default takes nothing from it.
    """
    if not (isinstance(default, dict) and isinstance(own, dict)):
        return own
    if own.get("strategy", default.get("strategy")) != default.get("strategy"):
        return own
    merged = {**default, **own}
    if isinstance(default.get("params"), dict) and isinstance(own.get("params"), dict):
        merged["params"] = {**default["params"], **own["params"]}
    return merged
