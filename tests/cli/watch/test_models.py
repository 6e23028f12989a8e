"""`portfold doctor` opens each model that runtime.json names, as the worker would."""

from pathlib import Path

import pytest

from portfold.cli.watch.models import feed, models
from portfold.config import Configuration, load
from portfold.coordinator.doctor.finding import Finding
from tests.cli.command_line import called
from tests.cli.filtered import NAMED, train_es
from tests.cli.fit import fit_for_the_open
from tests.processes import config_folder
from tests.server import EmbeddedServer


def configured(folder: Path, **runtime: object) -> Configuration:
    config_folder(folder, runtime=runtime)
    return load(str(folder), {}, Path("/"))


def found(folder: Path, **runtime: object) -> Finding:
    return models(configured(folder, **runtime))


def test_without_a_model_all_is_well_and_said(tmp_path: Path) -> None:
    assert found(tmp_path / "mine")[:2] == ("models", "ok")


def test_a_model_that_is_whole_and_fits_is_ok(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    train_es(configured(folder), folder)
    assert found(folder, workers=NAMED) == ("models", "ok", "whole and fit for how it trades: ES", "")


@pytest.mark.parametrize(
    ("workers", "altered", "why"),
    [
        (NAMED, b"?", "sha256: expected "),
        ({"ES": {**NAMED["ES"], "entry_below": 0.3}}, b"", "traded_by"),
    ],
    ids=["altered", "made for other parameters"],
)
def test_a_model_that_does_not_match_fails(
    tmp_path: Path, workers: dict[str, dict[str, object]], altered: bytes, why: str
) -> None:
    folder = tmp_path / "mine"
    model = train_es(configured(folder), folder)
    model.write_bytes(model.read_bytes() + altered)
    finding = found(folder, workers=workers)
    assert finding.level == "fail"
    assert why in finding.text
    assert "portfold research train" in finding.remedy


def test_the_doctor_finds_a_model_that_is_not_there(
    server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    with fit_for_the_open(server, portfolio, tmp_path / "mine") as fit:
        fit.edit(runtime={"workers": NAMED})
        where = ("--config", str(fit.folder), "--url", server.url, "--portfolio", portfolio)
        ran = called("doctor", *where, cwd=tmp_path, HOOK="https://discord.example/api/webhooks/1/hush")
        assert ran.code == 1
        assert "FAIL models" in ran.out


@pytest.mark.parametrize(
    ("broker", "bars", "level"),
    [
        ("paper", "synthetic", "ok"),
        ("traderspost", "synthetic", "fail"),
        ("traderspost", "replay", "fail"),
        ("traderspost", "my_feed.py:Followed", "ok"),
    ],
)
def test_money_on_bars_of_the_past_fails(tmp_path: Path, broker: str, bars: str, level: str) -> None:
    found = feed(configured(tmp_path / "mine", broker={"kind": broker}, feed={"kind": bars}))
    assert (found.check, found.level) == ("feed", level)
    if level == "fail":
        assert f"broker.kind {broker} trades with money" in found.text
        assert f"got {bars}." in found.text
