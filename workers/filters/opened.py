"""The filter of a symbol's entries, as the configuration names it."""

from typing import TYPE_CHECKING

from portfold.config import ConfigError, Configuration, symbol_of
from portfold.events.fields import Side
from portfold.installing import install_command
from portfold.log import Log
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.features import FeatureHistory, MissingFeatures
from portfold.workers.filters.protocol import EntryFilter, Verdict
from portfold.workers.filters.sidecar import Sidecar, traded_by

if TYPE_CHECKING:
    from portfold.workers.filters.onnx_model import OnnxModel


class ModelFilter:
    """Lets an entry pass to which the model gives `min_probability` or more; meets `protocol.EntryFilter`."""

    def __init__(
        self, model: "OnnxModel", sidecar: Sidecar, history: FeatureHistory, min_probability: float
    ) -> None:
        self._model = model
        self._history = history
        self._min_probability = min_probability
        self.sidecar = sidecar
        self.words = (
            f"filtered by a {sidecar.model} model, SHA-256 {sidecar.sha256[:12]}, "
            f"entries from probability {min_probability:g} on"
        )

    def take(self, bar: Bar) -> None:
        """Takes the next bar."""
        self._history.take(bar)

    def judge(self, bar: Bar, side: Side) -> Verdict:
        """Returns what the model gives the entry, or why it cannot be asked."""
        verdict = judged(self._model, self._history, side, self._min_probability)
        if verdict.probability is None or bar.time > self.sidecar.trained_until:
            return verdict
        known = f"{verdict.reason}, on a bar of its training, which proves nothing"
        return verdict._replace(reason=known)


def judged(model: "OnnxModel", history: FeatureHistory, side: Side, min_probability: float) -> Verdict:
    """Judges an entry at the close of the bar that the history has taken last."""
    try:
        features = history.read(side)
    except MissingFeatures as missing:
        return Verdict(passed=False, reason=f"no features: {missing}")
    probability = model.probability(features)
    if not probability >= min_probability:  # a NaN has not passed
        below = f"probability {probability:.4f}, below {min_probability:g}"
        return Verdict(passed=False, reason=below, probability=probability)
    return Verdict(passed=True, reason=f"probability {probability:.4f}", probability=probability)


def open_filter(configuration: Configuration, key: str, log: Log | None = None) -> EntryFilter | None:
    """Returns the filter of the worker of a key of `workers`, None where it names no model, and says which to
    `log`. Raises ConfigError.
    """
    runtime = configuration.runtime
    parameters, symbol = runtime.worker(key), symbol_of(key)
    opened: ModelFilter | None = None
    if parameters.model is not None:
        path = configuration.files.runtime.path.parent / parameters.model
        try:
            from portfold.workers.filters.onnx_model import open_model  # noqa: PLC0415 - an extra, and heavy
        except ImportError as missing:
            expected = f"its runtime to be installed ({install_command('ml')})"
            raise ConfigError(path, "", expected, f"no {missing.name}") from missing
        model, sidecar = open_model(path, symbol, traded_by(parameters, runtime.trading_day))
        history = FeatureHistory(runtime.trading_day)
        opened = ModelFilter(model, sidecar, history, parameters.min_probability)
    if log is not None:
        log.info(f"{key}: {filter_in_words(opened)}")
    return opened


def filter_in_words(opened: EntryFilter | None) -> str:
    """Returns what filters the entries."""
    return opened.words if isinstance(opened, ModelFilter) else "no model: every signal goes to the gate"
