"""The file of tuned parameters: entries as runtime.json has them, and how many sets each was chosen from.

    {"workers": {"ES": {"strategy": "bollinger", "params": {"bars": 30, …}}}, "tried": {"ES": 118}}

Its `workers` go into runtime.json as they are; a backtest takes the whole file, and keeps the number of tries
on record beside what it makes.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Struct, structs

from portfold.config import Configuration, IbsParameters, StrategyEntry
from portfold.config.errors import joined
from portfold.config.reading import read_strict
from portfold.config.rules import Symbol, Whole
from portfold.config.strategies.entry import shipped_parameters
from portfold.config.strict_json import read_json
from portfold.research.trades.whole_files import write_whole

WorkerEntry = IbsParameters | StrategyEntry
MOST_TRIED = 1_000_000


class TunedFile(Struct, frozen=True):
    """Tuned parameters, by symbol, and how many sets they were chosen from."""

    workers: Mapping[Symbol, IbsParameters | StrategyEntry]
    tried: Mapping[Symbol, Annotated[int, Whole(1, MOST_TRIED, "sets")]]


def entry_with(entry: WorkerEntry, parameters: Struct) -> WorkerEntry:
    """Returns a worker's entry with these parameters."""
    if isinstance(entry, IbsParameters):
        return IbsParameters(**structs.asdict(parameters))
    return structs.replace(entry, params=as_tree(parameters))


def without_filter(entry: WorkerEntry) -> WorkerEntry:
    """Returns the entry without its filter, which was trained for other parameters."""
    return structs.replace(entry, model=None)


def as_tree(parameters: Struct) -> dict[str, object]:
    """Returns parameters as a configuration file has them, its numbers exact."""
    found = structs.asdict(parameters)
    return {name: Decimal(repr(one)) if isinstance(one, float) else one for name, one in found.items()}


def plain(parameters: Struct) -> dict[str, Any]:
    """Returns parameters as best.json has them."""
    found: dict[str, Any] = msgspec.to_builtins(parameters)
    return found


def write_tuned(path: Path, entries: Mapping[str, WorkerEntry], tried: Mapping[str, int]) -> None:
    """Writes the file. Raises ResearchError."""
    tree = {"workers": {symbol: _as_written(one) for symbol, one in entries.items()}, "tried": dict(tried)}
    write_whole(path, json.dumps(tree, indent=2, default=float) + "\n")


def _as_written(entry: WorkerEntry) -> dict[str, object]:
    if isinstance(entry, StrategyEntry):
        return {"strategy": entry.strategy, "params": dict(entry.params)}
    kept = structs.asdict(entry)
    return {name: one for name, one in kept.items() if name not in ("model", "min_probability")}


def read_tuned(path: Path) -> TunedFile:
    """Reads the file. Raises ConfigError."""
    found = read_strict(TunedFile, read_json(path), path)
    for symbol, entry in found.workers.items():
        shipped_parameters(entry, path, joined("workers", symbol))
    return found


def tuned_configuration(configuration: Configuration, tuned: TunedFile) -> Configuration:
    """Returns the configuration with these entries in place of its own."""
    runtime = configuration.runtime
    workers = {**runtime.workers, **tuned.workers}
    return structs.replace(configuration, runtime=structs.replace(runtime, workers=workers))
