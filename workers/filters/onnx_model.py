"""A trained model, served by onnxruntime. ONNX holds arithmetic and no code; no pickle is ever loaded.

Needs the extra `ml`. Before a model may say anything it has to give the probabilities of its training, to
1e-6.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from portfold.config import ConfigError
from portfold.workers.filters.features import FEATURES
from portfold.workers.filters.sidecar import Probe, Sidecar, check_sidecar, read_sidecar, sidecar_of

TOLERANCE = 1e-6
INPUT = "features"
_LARGEST_BYTES = 200_000_000
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}


class OnnxModel:
    """Scores entries. `content` is the model as ONNX.

    Raises what onnxruntime raises for what it cannot serve, and ValueError for a model of another shape.
    """

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # one entry at a time
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [one.name for one in inputs] != [INPUT] or inputs[0].shape[1:] != [len(FEATURES)]:
            raise ValueError(f"expected one input of {len(FEATURES)} features")
        if inputs[0].type not in _TYPES or len(outputs) != 2:
            raise ValueError("expected numbers to go in, a label and its probabilities to come out")
        self._type = _TYPES[inputs[0].type]
        self._output = outputs[1].name

    def probability(self, features: Sequence[float]) -> float:
        """Returns the probability that the entry pays, from 0 to 1."""
        (found,) = self._session.run([self._output], {INPUT: np.array([features], dtype=self._type)})
        return float(found[0][1])


def open_model(path: Path, symbol: str, trading: Mapping[str, Any]) -> tuple[OnnxModel, Sidecar]:
    """Returns the model in `path` for entries of `symbol`, traded by `trading` (see `sidecar.traded_by`).

    Raises ConfigError, which says what does not match.
    """
    content = _read(path)
    sidecar = read_sidecar(path)
    check_sidecar(sidecar, path, content, symbol, trading)
    _check_runtime(sidecar, path, onnxruntime.__version__)
    try:
        model = OnnxModel(content)
        check_probes(model, sidecar.probes)
    except Exception as error:  # onnxruntime has an exception of its own for each way to fail
        raise ConfigError(
            path, "", "a model that can be served", " ".join(str(error).split())[:300]
        ) from error
    return model, sidecar


def check_probes(model: OnnxModel, probes: Sequence[Probe]) -> None:
    """Raises ValueError for a score that differs from the one in training."""
    for probe in probes:
        found = model.probability(probe.features)
        if not abs(found - probe.probability) <= TOLERANCE:  # a NaN is none either
            raise ValueError(f"a score of {found!r} where training gave {probe.probability!r}")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ConfigError(path, "", f"a model of at most {_LARGEST_BYTES} bytes", "a larger file")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(path, "", "a model", error.strerror or str(error)) from error


def _check_runtime(sidecar: Sidecar, path: Path, installed: str) -> None:
    """Raises ConfigError for a runtime older than the one that the model was checked with."""
    checked = sidecar.versions.get("onnxruntime", "")
    if not checked or _numbers(installed) < _numbers(checked):
        expected = f"onnxruntime {checked} or newer" if checked else "the version it was checked with"
        got = installed if checked else "none"
        raise ConfigError(sidecar_of(path), "versions.onnxruntime", expected, got)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
