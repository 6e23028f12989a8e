"""The file that comes with a model, `ES.onnx.json` beside `ES.onnx`: what it is, and how to know that.

A model is data that decides about money, so whatever does not match is refused: another file than the one the
sidecar is of (SHA-256), other features, another symbol, another way to trade, an older runtime, other scores.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from portfold.config import ConfigError, StrategyEntry, TradingDayRoll, WorkerEntry
from portfold.workers.filters.features import DEFINITION, FEATURES

FORMAT = 1
_NOT_TRADED_BY = ("model", "min_probability", "size", "cooldown_bars")


class Probe(Struct, frozen=True, forbid_unknown_fields=True):
    """Features, and the probability that the trained model gave them."""

    features: tuple[float, ...]
    probability: float


class Sidecar(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a model.

    `model`: its kind. `features`, `definition`: its inputs, and their definition. `traded_by`: the
    parameters and clocks of the entries it was trained on. `versions`: of the packages that made and checked
    it. `trained_until`: the end of the last bar it has seen; `trained_on`: its past, for people. `probes`:
    what it has to answer.
    """

    format: int
    model: str
    symbol: str
    sha256: str
    definition: int
    features: tuple[str, ...]
    traded_by: Mapping[str, Any]
    versions: Mapping[str, str]
    trained_until: Annotated[datetime, Meta(tz=True)]
    trained_on: Mapping[str, Any]
    probes: tuple[Probe, ...]


def sidecar_of(model: Path) -> Path:
    """Returns where the sidecar of a model's file lies."""
    return model.with_name(f"{model.name}.json")


def traded_by(entry: WorkerEntry, trading_day: TradingDayRoll) -> dict[str, Any]:
    """Returns what shapes the entries that a filter judges and what becomes of them, as plain JSON."""
    tree: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(entry))
    if isinstance(entry, StrategyEntry):
        tree = {"strategy": entry.strategy, **tree["params"]}
    kept = {name: value for name, value in tree.items() if name not in _NOT_TRADED_BY}
    return {**kept, "zone": trading_day.zone, "roll": trading_day.roll}


def read_sidecar(model: Path) -> Sidecar:
    """Returns the sidecar of a model's file. Raises ConfigError."""
    path = sidecar_of(model)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except OSError as error:
        raise ConfigError(path, "", "the file that comes with the model", f"{error.strerror}") from error
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigError(
            path, "", "what `portfold research train` writes beside a model", str(error)
        ) from error


def check_sidecar(
    sidecar: Sidecar, model: Path, content: bytes, symbol: str, trading: Mapping[str, Any]
) -> None:
    """Raises ConfigError for the first thing that does not match what is to be filtered, and how."""
    path = sidecar_of(model)
    checks: tuple[tuple[str, object, object], ...] = (
        ("format", FORMAT, sidecar.format),
        ("symbol", symbol, sidecar.symbol),
        ("definition", DEFINITION, sidecar.definition),
        ("features", FEATURES, sidecar.features),
        *((f"traded_by.{name}", value, sidecar.traded_by.get(name)) for name, value in trading.items()),
        ("sha256", hashlib.sha256(content).hexdigest(), sidecar.sha256),
    )
    for field, expected, got in checks:
        if expected != got:
            raise ConfigError(path, field, _shown(expected), f"{_shown(got)}; train the model anew")
    if not sidecar.probes or any(len(probe.features) != len(FEATURES) for probe in sidecar.probes):
        raise ConfigError(path, "probes", f"some, of {len(FEATURES)} features each", "something else")


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()[:300]
