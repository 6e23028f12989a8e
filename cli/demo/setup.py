"""The demo's folder and its configuration: the user's, or the packaged one, made fit for simulated time.

The folder holds a copy of everything, models and strategies included: workers read it from there, and a demo
can be examined later even after the user's configuration has changed.
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
from portfold.config.strategies.entry import own_file
from portfold.workers.filters.sidecar import sidecar_of

PARENT = "portfold-demo"
_LONGEST_MARK_AGE_SECONDS = 31 * 86_400


def fresh_folder(parent: Path) -> Path:
    """Makes a new folder for this demo, `portfold-demo/<time>-<random>`. Raises Failure."""
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
    book: Path,
    notifier: Mapping[str, object] | None = None,
) -> Configuration:
    """Writes `base` into `folder`, changed to what a demo needs, and loads it from there.

    Deadlines in real time are longer, since a dozen processes may share two processors. The age of marks is
    in simulated time, where a bar may be a day and the next one comes after a holiday. Alerts go where
    `notifier` says, never to the user's own destinations, and history comes from no archive. Raises
    ConfigError for a missing model, Failure.
    """
    portfolio = _read(base.files.portfolio.path)
    portfolio["portfolio_constraints"]["symbols"] = list(symbols)
    runtime = _read(base.files.runtime.path) | {
        "redis_url": url,
        "redis_password_env": None,
        "portfolio": "main",
        "broker": {"kind": "paper"},  # never the user's own broker
        "lease_ms": 10_000,
        "answer_seconds": 5,
        "reservation_seconds": 30,
        "heartbeat_seconds": 1,
        "worker_lost_seconds": 60,
        "mark_stale_seconds": _LONGEST_MARK_AGE_SECONDS,
        "discord_webhook_env": None,
        "notifier": notifier or {},
        "archive_folder": None,
        "book": str(book),
    }
    _copy_models(base, runtime.get("workers", {}), folder, symbols)
    _copy_strategies(base, folder)
    _write(folder / PORTFOLIO_FILE, portfolio)
    _write(folder / RUNTIME_FILE, runtime)
    _write(folder / CONTRACTS_FILE, _read(base.files.contracts.path))
    return load(str(folder), os.environ, Path.cwd())


def _copy_models(
    base: Configuration, workers: dict[str, dict[str, Any]], folder: Path, symbols: tuple[str, ...]
) -> None:
    """Copies the models of the traded symbols into `folder`, and changes their paths in `workers`."""
    source = base.files.runtime.path.parent
    for name, parameters in workers.items():
        model = parameters.get("model")
        if model is None or name not in ("default", *symbols):
            continue
        original, parameters["model"] = source / model, f"models/{name}.onnx"
        copied = folder / parameters["model"]
        copied.parent.mkdir(exist_ok=True)
        for file, copy in ((original, copied), (sidecar_of(original), sidecar_of(copied))):
            try:
                shutil.copyfile(file, copy)
            except OSError as error:
                raise ConfigError(file, "", "a model", error.strerror or str(error)) from error


def _copy_strategies(base: Configuration, folder: Path) -> None:
    """Copies the files of the user's own strategies into `folder`, where the workers look for them."""
    for entry in base.runtime.workers.values():
        file = own_file(entry, base.files.runtime.path)
        if file is None or not file.is_relative_to(base.files.runtime.path.parent):
            continue
        copied = folder / file.relative_to(base.files.runtime.path.parent)
        try:
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copied)
        except (OSError, ValueError) as error:
            raise ConfigError(file, "", "a strategy", str(error)) from error


def _read(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    return tree


def _write(path: Path, tree: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"Cannot write {path}: {error.strerror}.") from error
