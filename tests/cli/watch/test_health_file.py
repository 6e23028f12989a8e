"""`portfold status --health FILE`: a small file, whole whenever it is read, that says why not all is well."""

import json
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.events.wire.bus import Bus
from tests.cli.command_line import called, started
from tests.cli.standing import Standing
from tests.coordinator.story import Story
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture
def place(server: EmbeddedServer, portfolio: str) -> tuple[str, ...]:
    return ("--url", server.url, "--portfolio", portfolio)


def written(file: Path) -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_all_is_well(bus: Bus, client: Any, place: tuple[str, ...], tmp_path: Path) -> None:
    story = Story()
    story.enters("ES", price="5000.25")
    Standing(bus, client).of(story)
    ran = called("status", "--health", "health.json", *place, cwd=tmp_path)
    assert (ran.code, ran.out) == (OK, "")
    health = written(tmp_path / "health.json")
    assert (health["ok"], health["may_trade"], health["positions"]) == (True, True, 1)


def test_a_stop_is_not_well_and_says_why(
    bus: Bus, client: Any, place: tuple[str, ...], tmp_path: Path
) -> None:
    story = Story()
    story.enters("ES", price="5000.25")
    story.closes("ES", "-2500")
    Standing(bus, client).of(story)
    ran = called("status", "--health", "health.json", *place, cwd=tmp_path)
    assert (ran.code, "health.json says why" in " ".join(ran.err.split())) == (FAILED, True)
    health = written(tmp_path / "health.json")
    assert (health["ok"], health["headlines"][0]) == (False, "stopped_out")
    assert health["why"][0].startswith("STOPPED OUT: since")


def test_nobody_ever_led_and_nobody_answers(place: tuple[str, ...], tmp_path: Path) -> None:
    called("status", "--health", "health.json", *place, cwd=tmp_path)
    assert written(tmp_path / "health.json")["headlines"] == ["never_led"]
    called("status", "--health", "health.json", "--url", "redis://127.0.0.1:1/0", cwd=tmp_path)
    assert written(tmp_path / "health.json")["headlines"] == ["no_server"]


def test_where_it_cannot_be_written_it_says_so(place: tuple[str, ...], tmp_path: Path) -> None:
    ran = called("status", "--health", "nowhere/health.json", *place, cwd=tmp_path)
    assert (ran.code, "--health: nowhere/health.json:" in " ".join(ran.err.split())) == (FAILED, True)


def test_watching_it_is_written_again_and_again(
    bus: Bus, client: Any, place: tuple[str, ...], tmp_path: Path
) -> None:
    Standing(bus, client).of(Story())
    file = tmp_path / "health.json"
    with started("status", "--watch", "--health", "health.json", *place, cwd=tmp_path):
        until(file.exists, "a file")
        first = written(file)["now_ms"]
        until(lambda: written(file)["now_ms"] > first, "another")
