"""`portfold research train` as a person runs it: bars in, a model, its sidecar and a page out, and figures to
read.
"""

import json
import sys
from pathlib import Path

import pytest

from portfold.cli.exits import OK, UNUSABLE
from portfold.cli.main import run
from portfold.config import load
from portfold.installing import install_command
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.filters.features import FEATURES
from portfold.workers.filters.opened import open_filter
from tests.audit.browser import in_a_browser, opened
from tests.cli.command_line import called
from tests.processes import config_folder


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Sixty days of the synthetic market, as a folder."""
    folder = tmp_path / "bars"
    folder.mkdir()
    market = SyntheticMarket(load(None, {}, tmp_path).contracts, days=60, seed=4)
    rows = [
        f"{bar.time:%Y-%m-%dT%H:%M},{bar.open},{bar.high},{bar.low},{bar.close}" for bar in market.bars("ES")
    ]
    (folder / "ES.csv").write_text("\n".join(["time,open,high,low,close", *rows]) + "\n")
    return folder


def test_a_model_is_trained_measured_and_can_be_traded_by(tmp_path: Path, bars: Path) -> None:
    config = config_folder(tmp_path / "mine")
    model = config / "models" / "ES.onnx"
    words = ("--bars", str(bars), "--output", str(model), "--config", str(config), "--kind", "random_forest")
    ran = called("research", "train", "ES", *words, cwd=tmp_path)
    assert ran.code == OK, ran.err
    for told in ("Out of cross-validation (random_forest, 5 folds, purged, embargo 1.0%", "AUC", "P&L kept"):
        assert told in ran.out
    sidecar = json.loads((config / "models" / "ES.onnx.json").read_text())
    assert sidecar["features"] == list(FEATURES)
    assert sidecar["sha256"] in ran.out
    assert {"scikit-learn", "skl2onnx", "onnxruntime", "python"} <= set(sidecar["versions"])
    page = (config / "models" / "ES.html").read_text()
    assert "Reliability curve" in page
    (figures,) = [
        line for line in ran.out.splitlines() if line.startswith(f"{sidecar['trained_on']['examples']} ")
    ]
    assert figures in page
    assert "P&amp;L kept and dropped" in page
    assert 'src="http' not in page

    config_folder(config, runtime={"workers": {"ES": {"model": "models/ES.onnx"}}})
    assert open_filter(load(str(config), {}, tmp_path), "ES") is not None


def test_days_can_be_held_out(tmp_path: Path, bars: Path) -> None:
    assert (
        called("research", "train", "ES", "--bars", str(bars), "--output", "all.onnx", cwd=tmp_path).code
        == OK
    )
    part = ("--output", "part.onnx", "--from", "2025-01-13", "--to", "2025-02-28")
    ran = called("research", "train", "ES", "--bars", str(bars), *part, cwd=tmp_path)
    assert ran.code == OK, ran.err
    whole, held = (json.loads((tmp_path / f"{name}.onnx.json").read_text()) for name in ("all", "part"))
    assert held["trained_until"] == "2025-02-28T22:00:00Z", "its last bar, by Chicago at 16:00"
    assert held["trained_on"]["first"] >= "2025-01-12T23:00" > whole["trained_on"]["first"]
    assert held["trained_on"]["bars"] < whole["trained_on"]["bars"]
    assert f"{held['trained_on']['bars']:,} bars, {held['trained_on']['examples']:,} examples" in ran.out


@pytest.mark.parametrize("package", ["sklearn", "skl2onnx", "onnxruntime", "plotly"])
def test_without_the_extra_the_command_that_helps_is_named(
    bars: Path, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run(["research", "train", "ES", "--bars", str(bars), "--output", "m.onnx"]) == UNUSABLE
    expected = f"Training needs {package}, which is not installed: {install_command('ml')}\n"
    assert expected in capsys.readouterr().err


@in_a_browser
def test_a_browser_draws_both_charts_and_asks_for_nothing(tmp_path: Path, bars: Path) -> None:
    assert (
        called("research", "train", "ES", "--bars", str(bars), "--output", "ES.onnx", cwd=tmp_path).code == OK
    )
    seen = opened(tmp_path / "ES.html")
    assert (seen.loaded, seen.console, seen.requests) == (True, [], [])
    assert seen.drawn == seen.expected == len(seen.plots) == 2
    assert "AUC" in seen.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("EX", "--output", "m.onnx"), "SYMBOL: expected one with a contract"),
        (("ES", "--output", "m.pkl"), "--output: expected a file that ends in .onnx, got m.pkl"),
        (("CL", "--output", "m.onnx"), "expected one of the symbols"),
        (("ES", "--output", "m.onnx", "--folds", "1"), "--folds"),
        (
            ("ES", "--output", "m.onnx", "--to", "2024-12-31"),
            "expected bars from the first day to 2024-12-31",
        ),
        (("ES", "--output", "m.onnx", "--from", "2025-02-01", "--to", "2025-01-10"), "Expected a last day"),
        (("ES", "--output", "m.onnx", "--kind", "pickle"), "--kind"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence(
    tmp_path: Path, bars: Path, words: tuple[str, ...], told: str
) -> None:
    ran = called("research", "train", *words, "--bars", str(bars), cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_too_few_examples_are_a_sentence(tmp_path: Path, bars: Path) -> None:
    whole = (bars / "ES.csv").read_text().splitlines()
    (bars / "ES.csv").write_text("\n".join(whole[:100]) + "\n")
    ran = called("research", "train", "ES", "--bars", str(bars), "--output", "m.onnx", cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert "Expected 100 examples at least to learn from" in ran.err
    assert not (tmp_path / "m.onnx").exists()
