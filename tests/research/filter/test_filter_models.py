"""Models from training to live: the same score for every kind, and nothing taken that does not match."""

import hashlib
import math
import pickle
import re
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from statistics import stdev
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.config import ConfigError, Configuration, load
from portfold.config.strategies.ibs import IbsParameters
from portfold.events.fields import Side
from portfold.research.errors import ResearchError
from portfold.research.filter.cross_validation import LabelSpan, purged_folds
from portfold.research.filter.examples import Examples, examples_of
from portfold.research.filter.exporting import export
from portfold.research.filter.training import THRESHOLDS, Kind, Trained, cut, train
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.filters.features import FEATURES
from portfold.workers.filters.onnx_model import OnnxModel, open_model
from portfold.workers.filters.opened import filter_in_words, open_filter
from portfold.workers.filters.sidecar import Sidecar, sidecar_of, traded_by
from tests.research.referee import labels as refereed

KINDS: tuple[Kind, ...] = get_args(Kind)
features = st.tuples(*[st.integers(-8192, 8192).map(lambda whole: whole / 1024)] * len(FEATURES))


def with_model(path: Path | None, **parameters: Any) -> Configuration:
    packaged = load(None, {}, Path("/"))
    model = None if path is None else str(path)
    workers = {"default": IbsParameters(sides="both", model=model, **parameters)}
    return msgspec.structs.replace(
        packaged, runtime=msgspec.structs.replace(packaged.runtime, workers=workers)
    )


@pytest.fixture(scope="module")
def examples() -> Examples:
    configuration = with_model(None)
    market = SyntheticMarket(configuration.contracts, days=60, seed=4)
    return examples_of("ES", market.bars("ES"), configuration)


class Made:
    """A model of each kind, trained once, with its files."""

    def __init__(self, kind: Kind, examples: Examples, folder: Path) -> None:
        self.path = folder / f"{kind}.onnx"
        self.trained: Trained = train(examples, kind, folds=4, embargo=0.01)
        self.sidecar = export(self.path, self.trained, kind, "ES", examples, with_model(None))
        self.live = OnnxModel(self.path.read_bytes())

    def furthest(self, of: Sequence[tuple[float, ...]]) -> float:
        """How far a live score is from that of training at most; of many at once, as a forest is slow."""
        trained = self.trained.model.predict_proba(np.array(of))[:, 1]
        return float(np.abs(trained - [self.live.probability(one) for one in of]).max())


@pytest.fixture(scope="module")
def made(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Made]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: Made(kind, examples, folder) for kind in KINDS}


# --- the same score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_live_score_of_every_example_is_that_of_training(
    kind: Kind, made: dict[Kind, Made], examples: Examples
) -> None:
    assert made[kind].furthest([one.features for one in examples.of]) <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(of=st.lists(features, min_size=4, max_size=4))
def test_the_live_score_of_whatever_else_may_come_is_that_of_training(
    kind: Kind, made: dict[Kind, Made], of: list[tuple[float, ...]]
) -> None:
    assert made[kind].furthest(of) <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_is_the_same_where_a_tree_splits(
    kind: Kind, made: dict[Kind, Made], examples: Examples
) -> None:
    """Half way between two values of a feature, where thresholds lie, and just beside."""
    chance = Random(1)
    near: list[tuple[float, ...]] = []
    for _ in range(200):
        one, other = chance.choice(examples.of), chance.choice(examples.of)
        between = [(a + b) / 2 for a, b in zip(one.features, other.features, strict=True)]
        near += [tuple((round(value * 1024) + beside) / 1024 for value in between) for beside in (-1, 0, 1)]
    assert made[kind].furthest(near) <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_opened_and_says_what_it_is(kind: Kind, made: dict[Kind, Made]) -> None:
    configuration = with_model(made[kind].path, min_probability=0.55)
    words = filter_in_words(open_filter(configuration, "ES"))
    assert words.startswith(f"filtered by a {kind} model, SHA-256 {made[kind].sidecar.sha256[:12]}")
    assert words.endswith("entries from probability 0.55 on")


def test_the_same_examples_give_the_same_model(
    examples: Examples, made: dict[Kind, Made], tmp_path: Path
) -> None:
    again = Made("random_forest", examples, tmp_path)
    assert again.sidecar.sha256 == made["random_forest"].sidecar.sha256
    assert again.trained.probabilities == made["random_forest"].trained.probabilities


def test_without_a_model_there_is_no_filter() -> None:
    opened = open_filter(with_model(None), "ES")
    assert opened is None
    assert filter_in_words(opened) == "no model: every signal goes to the gate"


# --- what was measured ------------------------------------------------------------------------------------


def test_a_model_of_noise_is_not_said_to_know_anything(examples: Examples) -> None:
    """Profits dealt out anew at random: whatever training finds in them, cross-validation does not."""
    pnls = [one.pnl for one in examples.of]
    Random(7).shuffle(pnls)
    noise = [msgspec.structs.replace(one, pnl=pnl) for one, pnl in zip(examples.of, pnls, strict=True)]
    measured = train(
        msgspec.structs.replace(examples, of=tuple(noise)), "logistic", folds=4, embargo=0.01
    ).measured
    assert 0.4 < measured.auc < 0.6
    assert abs(measured.auc - 0.5) < 3 * measured.auc_error
    assert measured.brier > measured.base_brier - 0.01


def test_what_can_be_known_is_found(examples: Examples) -> None:
    """Trades that paid where their bar's body was up: predicted in examples that the model has not seen."""
    body = FEATURES.index("body")
    predictable = [
        msgspec.structs.replace(one, pnl=abs(one.pnl) + 1 if one.features[body] > -0.5 else -abs(one.pnl) - 1)
        for one in examples.of
    ]
    found = train(
        msgspec.structs.replace(examples, of=tuple(predictable)), "gradient_boosting", folds=4, embargo=0.01
    )
    assert found.measured.auc > 0.95
    kept = cut(predictable, found.probabilities, 0.5)
    assert kept.kept_pnl > 0 > kept.dropped_pnl
    assert kept.kept + kept.dropped == len(predictable)
    assert kept.kept_pnl + kept.dropped_pnl == sum(one.pnl for one in predictable)


def test_the_auc_is_the_mean_of_the_folds_counted_pair_by_pair(examples: Examples) -> None:
    found = train(examples, "logistic", folds=4, embargo=0.01)
    spans = [LabelSpan(one.first, one.last) for one in examples.of]
    each = []
    for fold in purged_folds(spans, 4, math.ceil(0.01 * examples.bars)):
        scored = [(Fraction(found.probabilities[index]), examples.of[index].paid) for index in fold.test]
        each.append(refereed.auc(scored))
    assert found.measured.auc == pytest.approx(float(sum(each) / 4))
    assert found.measured.auc_error == pytest.approx(stdev(map(float, each)) / 2)


def test_scores_of_folds_on_different_scales_hide_no_edge_of_the_mean() -> None:
    """In each fold what paid has the higher score, and all scores of one are below those of the other."""
    low = [(Fraction(1, 10), False), (Fraction(2, 10), True), (Fraction(1, 20), False)]
    high = [(Fraction(8, 10), False), (Fraction(9, 10), True), (Fraction(7, 10), False)]
    assert [refereed.auc(fold) for fold in (low, high)] == [Fraction(1), Fraction(1)]
    assert refereed.auc([*low, *high]) < 1


def test_the_threshold_is_chosen_in_each_fold_without_its_test(examples: Examples) -> None:
    """Profits that cannot be foretold: the table's best line keeps more than what was chosen in the folds."""
    pnls = [one.pnl for one in examples.of]
    best, chosen = [], []
    for seed in range(6):
        Random(seed).shuffle(pnls)
        noise = tuple(
            msgspec.structs.replace(one, pnl=pnl) for one, pnl in zip(examples.of, pnls, strict=True)
        )
        found = train(msgspec.structs.replace(examples, of=noise), "logistic", folds=4, embargo=0.01)
        best.append(max(cut(noise, found.probabilities, at).kept_pnl for at in THRESHOLDS))
        chosen.append(found.measured.chosen.kept_pnl)
        inside = found.measured.chosen
        assert inside.kept + inside.dropped == len(noise)
        assert inside.kept_pnl + inside.dropped_pnl == sum(pnls)
        assert len(inside.thresholds) == 4
        assert set(inside.thresholds) <= set(THRESHOLDS)
    assert sum(chosen) < sum(best)


def test_each_model_that_is_trained_for_a_fold_is_told(examples: Examples) -> None:
    progress: list[int] = []
    train(examples, "logistic", folds=3, embargo=0.01, on_progress=progress.append)
    assert progress == [1, 2, 3]


def test_too_few_examples_are_refused(examples: Examples) -> None:
    few = msgspec.structs.replace(examples, of=examples.of[:99])
    with pytest.raises(ResearchError, match="Expected 100 examples at least to learn from, got 99"):
        train(few, "logistic", folds=2, embargo=0)


def test_examples_that_all_paid_are_refused(examples: Examples) -> None:
    won = tuple(msgspec.structs.replace(one, pnl=abs(one.pnl) + 1) for one in examples.of)
    with pytest.raises(ResearchError, match="Expected trades that paid and some that did not"):
        train(msgspec.structs.replace(examples, of=won), "logistic", folds=2, embargo=0)


# --- live -------------------------------------------------------------------------------------------------


def test_an_entry_passes_from_the_threshold_on_and_what_was_known_in_training_is_said(
    made: dict[Kind, Made], examples: Examples
) -> None:
    """The threshold is set to the very probability of one entry, and just above it."""
    one = examples.of[len(examples.of) // 2]
    bars = list(SyntheticMarket(with_model(None).contracts, days=60, seed=4).bars("ES"))[: one.first + 1]
    side: Side = "long" if one.features[-1] == 1 else "short"
    exactly = made["logistic"].live.probability(one.features)
    for threshold, passes in ((exactly, True), (math.nextafter(exactly, 1), False)):
        opened = open_filter(with_model(made["logistic"].path, min_probability=threshold), "ES")
        assert opened is not None
        early = opened.judge(bars[-1], side)
        assert (early.passed, early.reason[:11]) == (False, "no features")
        for bar in bars:
            opened.take(bar)
        verdict = opened.judge(bars[-1], side)
        assert verdict.passed is passes
        assert verdict.reason.startswith(f"probability {exactly:.4f}")
        assert verdict.reason.endswith(", on a bar of its training, which proves nothing")


def test_a_bar_after_its_training_is_judged_without_a_caveat(made: dict[Kind, Made]) -> None:
    bars = list(SyntheticMarket(with_model(None).contracts, days=70, seed=4).bars("ES"))
    opened = open_filter(with_model(made["logistic"].path), "ES")
    assert opened is not None
    for bar in bars:
        opened.take(bar)
    assert "training" not in opened.judge(bars[-1], "long").reason


# --- what does not match ----------------------------------------------------------------------------------


class Copy:
    """A copy of a model's files, to be spoiled."""

    def __init__(self, of: Made, folder: Path) -> None:
        self.path = folder / "ES.onnx"
        self.path.write_bytes(of.path.read_bytes())
        self.sidecar = sidecar_of(self.path)
        self.sidecar.write_bytes(sidecar_of(of.path).read_bytes())

    def change(self, **fields: Any) -> None:
        whole = msgspec.json.decode(self.sidecar.read_bytes(), type=Sidecar)
        self.sidecar.write_bytes(msgspec.json.encode(msgspec.structs.replace(whole, **fields)))

    def replace(self, content: bytes) -> None:
        """Other content, and a sidecar that calls it its own."""
        self.path.write_bytes(content)
        self.change(sha256=hashlib.sha256(content).hexdigest())

    def refusal(self, symbol: str = "ES", **parameters: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            open_filter(with_model(self.path, **parameters), symbol)
        return str(refused.value)


@pytest.fixture
def copy(made: dict[Kind, Made], tmp_path: Path) -> Copy:
    return Copy(made["logistic"], tmp_path)


SPOILS: list[tuple[Callable[[Copy], object], str]] = [
    (lambda copy: copy.path.write_bytes(copy.path.read_bytes()[:-1] + b"?"), "sha256: expected"),
    (lambda copy: copy.path.unlink(), "expected a model, got No such file"),
    (lambda copy: copy.sidecar.unlink(), "expected the file that comes with the model, got No such file"),
    (
        lambda copy: copy.sidecar.write_bytes(b"{}"),
        "expected what `portfold research train` writes beside a model",
    ),
    (lambda copy: copy.change(format=2), "format: expected 1, got 2"),
    (lambda copy: copy.change(definition=0), "definition: expected 1, got 0; train the model anew"),
    (lambda copy: copy.change(features=FEATURES[::-1]), "features: expected"),
    (lambda copy: copy.change(symbol="CL"), 'symbol: expected "ES", got "CL"'),
    (lambda copy: copy.change(versions={}), "versions.onnxruntime: expected the version it was checked with"),
    (lambda copy: copy.change(versions={"onnxruntime": "999.0"}), "expected onnxruntime 999.0 or newer"),
    (lambda copy: copy.change(probes=()), "probes: expected some"),
    (lambda copy: copy.replace(b"no graph at all"), "expected a model that can be served"),
    (lambda copy: copy.replace(pickle.dumps({"a": "pickle"})), "expected a model that can be served"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILS)
def test_a_model_that_does_not_match_is_refused(
    copy: Copy, spoil: Callable[[Copy], object], message: str
) -> None:
    spoil(copy)
    assert message in copy.refusal()


def test_a_model_of_another_graph_under_the_same_name_gives_other_scores_and_is_refused(
    copy: Copy, made: dict[Kind, Made]
) -> None:
    copy.replace(made["random_forest"].path.read_bytes())
    assert "a score of" in copy.refusal()


def test_a_model_for_other_trades_is_refused(copy: Copy) -> None:
    assert "traded_by.exit_above: expected 0.9, got 0.8; train the model anew" in copy.refusal(exit_above=0.9)


def test_what_does_not_shape_the_trades_may_change(copy: Copy) -> None:
    configuration = with_model(copy.path, size=2, cooldown_bars=3, min_probability=0.7)
    assert open_filter(configuration, "ES") is not None


def test_without_the_extra_a_model_is_refused_and_the_command_that_helps_is_named(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "portfold.workers.filters.onnx_model", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert re.search(r"\(\S+pip install -e '\S+\[ml\]'\), got no onnxruntime\.", copy.refusal())


def test_a_model_says_no_more_than_its_graph_does(copy: Copy) -> None:
    runtime = with_model(None).runtime
    model, sidecar = open_model(copy.path, "ES", traded_by(runtime.worker("ES"), runtime.trading_day))
    assert [model.probability(probe.features) for probe in sidecar.probes] == pytest.approx(
        [probe.probability for probe in sidecar.probes], abs=1e-6
    )
