"""Writes a trained model as the two files that a worker loads: ONNX and its sidecar. Needs the extra `ml`.

Before that every example is scored by the class that serves live, and compared with the trained model; a
model that scores otherwise is not written.
"""

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from portfold.config import Configuration
from portfold.research.errors import ResearchError
from portfold.research.filter.examples import Example, Examples
from portfold.research.filter.training import Kind, Trained, as_arrays
from portfold.workers.filters.features import DEFINITION, FEATURES
from portfold.workers.filters.onnx_model import INPUT, OnnxModel, check_probes
from portfold.workers.filters.sidecar import FORMAT, Probe, Sidecar, sidecar_of, traded_by

_PROBES = 20
_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def as_onnx(model: Any, kind: Kind) -> bytes:
    """Converts the model to ONNX.

    Trees compare in single precision, in which features are exact; sums of products need double precision.
    """
    tensor = DoubleTensorType if kind == "logistic" else FloatTensorType
    graph = to_onnx(model, initial_types=[(INPUT, tensor([None, len(FEATURES)]))], options={"zipmap": False})
    content: bytes = graph.SerializeToString()
    return content


class Served(NamedTuple):
    """A model as it is served: its ONNX, opened, and what training gave each example."""

    content: bytes
    opened: OnnxModel
    probes: Sequence[Probe]


def served(model: Any, kind: Kind, of: Sequence[Example]) -> Served:
    """Converts a model, and compares its score of each of the examples. Raises ResearchError."""
    content = as_onnx(model, kind)
    features, _ = as_arrays(of)
    scores = model.predict_proba(features)[:, 1]
    probes = [Probe(example.features, float(score)) for example, score in zip(of, scores, strict=True)]
    opened = OnnxModel(content)
    try:
        check_probes(opened, probes)
    except ValueError as error:
        raise ResearchError(f"The model cannot be served as it was trained: {error}.") from error
    return Served(content, opened, probes)


def export(
    path: Path, trained: Trained, kind: Kind, symbol: str, examples: Examples, configuration: Configuration
) -> Sidecar:
    """Writes the model to `path`, and its sidecar beside it. Raises ResearchError."""
    content, _, every = served(trained.model, kind, examples.of)
    runtime = configuration.runtime
    sidecar = Sidecar(
        format=FORMAT,
        model=kind,
        symbol=symbol,
        sha256=hashlib.sha256(content).hexdigest(),
        definition=DEFINITION,
        features=FEATURES,
        traded_by=traded_by(runtime.worker(symbol), runtime.trading_day),
        versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        trained_until=examples.end,
        trained_on={
            "bars": examples.bars,
            "examples": len(examples.of),
            "first": examples.of[0].time.isoformat(),
            "last": examples.of[-1].time.isoformat(),
            "measured": msgspec.to_builtins(trained.measured),
        },
        probes=tuple(every[int(index)] for index in np.linspace(0, len(every) - 1, _PROBES)),
    )
    # The sidecar last: a model without its own sidecar is refused.
    _write(path, content)
    _write(sidecar_of(path), msgspec.json.format(msgspec.json.encode(sidecar), indent=2))
    return sidecar


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ResearchError(f"{path}: cannot be written: {error.strerror}.") from error
