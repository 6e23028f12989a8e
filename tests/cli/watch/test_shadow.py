"""`portfold shadow` puts other limits on trial: it tells what differs as it happens, and writes nothing."""

import json
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNREACHABLE, UNUSABLE
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.what_if.findings import Finding, Turned
from portfold.coordinator.audit.what_if.shadow import Shadow, nearest_beginning
from portfold.coordinator.audit.what_if.trial import TrialBegan
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from tests.archive.past import Past
from tests.audit.supposing import WrittenDown
from tests.cli.command_line import called, started
from tests.coordinator.story import DAY, chicago, limits

NOBODY_THERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """A portfolio so far without events."""
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """A configuration of one position, as `portfold config init` makes it and a person edits it."""
    folder = tmp_path / "candidate"
    assert called("config", "init", str(folder), cwd=tmp_path).code == OK
    file = folder / "portfolio_optimization.json"
    config = json.loads(file.read_text())
    config["portfolio_constraints"]["max_positions"] = 1
    file.write_text(json.dumps(config))
    return folder


def happens(past: Past, story: WrittenDown, told: int = 0) -> int:
    """What of the story is after the first `told` events lies on the server, decided; returns how many."""
    for at, fields in story.log[told:]:
        past.client.execute_command("XADD", past.bus.keys.events, str(at), *fields)
    past.is_decided()
    return len(story.log)


def everything(past: Past) -> dict[str, bytes]:
    """All that is on the server of this portfolio, byte by byte."""
    keys = sorted(past.client.keys(f"portfolio:{{{past.bus.keys.name}}}:*"))
    return {key: past.client.dump(key) for key in keys}


def shadow(past: Past) -> Shadow:
    return Shadow(past.bus, None, limits(max_positions=1), lambda: False)


def following(trial: Shadow, count: int) -> list[TrialBegan | Finding | Note]:
    return list(islice(trial.follow(lambda _seconds: None), count))


# --- the command ------------------------------------------------------------------------------------------


def test_differences_are_told_as_they_happen_and_ctrl_c_ends_with_the_tally(
    past: Past, candidate: Path, tmp_path: Path
) -> None:
    story = WrittenDown()
    story.enters("ES")
    told = happens(past, story)
    page = tmp_path / "trial.html"
    where = ("--url", past.url, "--portfolio", past.bus.keys.name, "--config", str(candidate))
    with started("shadow", *where, "--page", str(page), cwd=tmp_path) as trial:
        trial.says("On trial on ")
        story.enters("CL")
        told = happens(past, story, told)
        trial.says("The trial would have denied this: CL long 1 of ibs-CL, by max_positions.")
        story.closes("CL", pnl="-310.50")
        happens(past, story, told)
        trial.says("CL long 1 of ibs-CL made $-310.50, saved $310.50.")
        before = everything(past)
        trial.process.send_signal(signal.SIGINT)
        assert trial.ends() == INTERRUPTED
        said = " ".join(trial.said.read_text().split())
    assert "2025-01-15 max_positions 1 0 310.50 0.00 0 0" in said
    assert "Traceback" not in said
    assert "<h1>Limits on trial</h1>" in page.read_text()
    assert "$310.50" in page.read_text()
    assert everything(past) == before


def test_programs_get_a_json_line_for_each_difference_and_the_tally_last(
    past: Past, candidate: Path, tmp_path: Path
) -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    happens(past, story)
    where = ("--url", past.url, "--portfolio", past.bus.keys.name, "--config", str(candidate))
    with started("shadow", "--json", *where, cwd=tmp_path) as trial:
        trial.says('"Turned"')
        trial.process.send_signal(signal.SIGTERM)
        assert trial.ends() == OK
        lines = [json.loads(line) for line in trial.said.read_text().splitlines()]
    assert lines[0]["what"] == "TrialBegan"
    assert lines[-1]["what"] == "TrialTally"
    (row,) = lines[-1]["rows"]
    assert (row["rule"], row["denied"], row["open"]) == ("max_positions", 1, 1)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), UNUSABLE, "--config: expected the folder of the configuration on trial."),
        (("--config", "nowhere"), UNUSABLE, "nowhere"),
        (("--page", "nowhere/trial.html"), UNUSABLE, "--page: nowhere/trial.html cannot be written"),
        (("--url", NOBODY_THERE), UNREACHABLE, "Redis at 127.0.0.1:1 did not answer"),
    ],
)
def test_a_mistake_ends_in_a_sentence(
    candidate: Path, tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    needed = ("--config", str(candidate)) if words and "--config" not in words else ()
    ran = called("shadow", *needed, *words, cwd=tmp_path)
    assert (ran.code, sentence in ran.err) == (code, True)
    assert len(ran.err.splitlines()) == 1


# --- following --------------------------------------------------------------------------------------------


def test_a_restart_of_the_server_is_noted_and_the_trial_goes_on(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as own:
        past = Past(own.url, portfolio, connect(own.url))
        story = WrittenDown()
        story.enters("ES")
        told = happens(past, story)
        trial = shadow(past)
        trial.begin()
        following_on = trial.follow(lambda _seconds: own.restart())
        own.kill()
        assert isinstance(next(following_on), Note)
        assert isinstance(next(following_on), Note)
        story.is_allowed("CL")
        happens(past, story, told)
        found = next(one for one in following_on if isinstance(one, Turned))
        assert (found.symbol, found.what_if) == ("CL", "max_positions")
        past.bus.close()


def test_a_log_that_lost_its_end_has_the_trial_begin_again(past: Past) -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    happens(past, story)
    trial = shadow(past)
    assert isinstance(trial.begin()[0], TrialBegan)
    following(trial, 2)
    earlier = past.whole().events[-3].id
    past.client.hset(past.bus.keys.head, "cursor", str(earlier))
    _, lost = list(trial.after_absence(1.5))
    assert "The trial begins again" in lost.text
    assert isinstance(following(trial, 1)[0], TrialBegan)


# --- where it begins --------------------------------------------------------------------------------------


def test_it_begins_with_the_trading_day_where_the_log_reaches_back(past: Past) -> None:
    story = WrittenDown()
    story.trades("ES", pnl="-10")
    yesterday = story.log[-1][0]
    story.ms += DAY
    story.enters("ES")
    happens(past, story)
    past.is_snapshot()
    begins = nearest_beginning(past.bus, None, limits())
    assert (begins.at.cursor, begins.day, begins.whole_day) == (yesterday, "2025-01-16", True)


@pytest.mark.parametrize(("early_ms", "day"), [(1, "2025-01-15"), (0, "2025-01-16")])
def test_the_trading_day_begins_at_the_exchanges_roll_to_the_millisecond(
    past: Past, early_ms: int, day: str
) -> None:
    story = WrittenDown()
    story.ms = chicago(2025, 1, 15, 17) - early_ms - 1
    story.is_allowed("ES")
    happens(past, story)
    begins = nearest_beginning(past.bus, None, limits())
    assert (begins.day, begins.at.cursor == ORIGIN) == (day, early_ms == 1)


def test_where_the_log_is_too_long_it_begins_at_the_snapshot_and_says_so(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.coordinator.audit.what_if.shadow.FOLDED_AGAIN", 1)
    story = WrittenDown()
    story.trades("ES", pnl="-10")
    happens(past, story)
    past.is_snapshot()
    begins = nearest_beginning(past.bus, None, limits())
    assert (begins.at.cursor, begins.whole_day) == (story.log[-1][0], False)


def test_an_empty_log_is_followed_from_its_beginning(past: Past) -> None:
    begins = nearest_beginning(past.bus, None, limits())
    assert (begins.at.cursor, begins.day, begins.whole_day) == (StreamId(0, 0), "", True)
