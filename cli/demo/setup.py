"""The demo's folder and its configuration: the user's, or the packaged one, made fit for simulated time.

The folder holds all of it, the models too, so that a worker finds them from there, and a demo can be looked
at later whatever became of the configuration since.
"""

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from portfold.cli.exits import Failure
from portfold.config import ConfigError, Configuration, load
from portfold.config.locate import CONTRACTS_FILE, PORTFOLIO_FILE, RUNTIME_FILE
from portfold.workers.filters.sidecar import sidecar_of

PARENT = "portfold-demo"
_LONGEST_MARK_AGE_SECONDS = 31 * 86_400


def fresh_folder(parent: Path) -> Path:
    """A new folder of this demo's own, `portfold-demo/<when>-<chance>`. Raises Failure."""
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = parent / PARENT / name
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise Failure(f"Cannot make the demo's folder {folder}: {error.strerror}.") from error
    return folder


def write_configuration(
    base: Configuration,
    folder: Path,
    *,
    symbols: tuple[str, ...],
    url: str,
    notifier: Mapping[str, object] | None = None,
) -> Configuration:
    """Writes `base` into `folder` with what a demo needs otherwise, and loads it from there.

    Deadlines that are kept in real time are longer, since a dozen processes may share two processors; the age
    of marks is in simulated time, where a bar may be a day and the next one after a holiday. Alerts go where
    `notifier` says, never where the user's own go, and history comes from no archive. Raises ConfigError for
    a model that is not there, Failure.
    """
    portfolio = _read(base.files.portfolio.path)
    portfolio["portfolio_constraints"]["symbols"] = list(symbols)
    runtime = _read(base.files.runtime.path) | {
        "redis_url": url,
        "redis_password_env": None,
        "portfolio": "main",
        "broker": {"kind": "paper"},  # whatever else the user trades by
        "lease_ms": 10_000,
        "answer_seconds": 5,
        "reservation_seconds": 30,
        "heartbeat_seconds": 1,
        "worker_lost_seconds": 60,
        "mark_stale_seconds": _LONGEST_MARK_AGE_SECONDS,
        "discord_webhook_env": None,
        "notifier": notifier or {},
        "archive_folder": None,
    }
    _copy_models(base, runtime.get("workers", {}), folder, symbols)
    _write(folder / PORTFOLIO_FILE, portfolio)
    _write(folder / RUNTIME_FILE, runtime)
    _write(folder / CONTRACTS_FILE, _read(base.files.contracts.path))
    return load(str(folder), os.environ, Path.cwd())


def _copy_models(
    base: Configuration, workers: dict[str, dict[str, Any]], folder: Path, symbols: tuple[str, ...]
) -> None:
    """Puts the models of what is played into `folder`, and has `workers` name them there."""
    source = base.files.runtime.path.parent
    for name, parameters in workers.items():
        model = parameters.get("model")
        if model is None or name not in ("default", *symbols):
            continue
        there, parameters["model"] = source / model, f"models/{name}.onnx"
        here = folder / parameters["model"]
        here.parent.mkdir(exist_ok=True)
        for copied, copy in ((there, here), (sidecar_of(there), sidecar_of(here))):
            try:
                shutil.copyfile(copied, copy)
            except OSError as error:
                raise ConfigError(copied, "", "a model", error.strerror or str(error)) from error


def _read(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    return tree


def _write(path: Path, tree: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"Cannot write {path}: {error.strerror}.") from error
