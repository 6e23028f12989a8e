"""`portfold shadow` puts other limits on trial: it tells what differs as it happens, and writes nothing."""

import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNREACHABLE, UNUSABLE
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.audit.what_if.beginning import beginning_of_trial
from portfold.coordinator.audit.what_if.findings import Finding, Turned
from portfold.coordinator.audit.what_if.shadow import Shadow
from portfold.coordinator.audit.what_if.trial import TrialBegan
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.codec import decode_event
from portfold.events.incoming import CoordinatorStarted
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.connection import connect
from tests.archive.past import Past
from tests.audit.supposing import WrittenDown
from tests.cli.command_line import Ran, called, started
from tests.coordinator.story import DAY, chicago, limits
from tests.server import EmbeddedServer

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
    return Shadow(past.bus, None, limits(max_positions=1))


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
    begins = beginning_of_trial(past.bus, None, limits())
    assert (begins.at.cursor, begins.day, begins.whole_day) == (yesterday, "2025-01-16", True)


@pytest.mark.parametrize(("early_ms", "day"), [(1, "2025-01-15"), (0, "2025-01-16")])
def test_the_trading_day_begins_at_the_exchanges_roll_to_the_millisecond(
    past: Past, early_ms: int, day: str
) -> None:
    story = WrittenDown()
    story.ms = chicago(2025, 1, 15, 17) - early_ms - 1
    story.is_allowed("ES")
    happens(past, story)
    begins = beginning_of_trial(past.bus, None, limits())
    assert (begins.day, begins.at.cursor == ORIGIN) == (day, early_ms == 1)


def test_where_the_log_is_too_long_it_begins_at_the_snapshot_and_says_so(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.coordinator.audit.what_if.beginning.FOLDED_AGAIN", 1)
    story = WrittenDown()
    story.trades("ES", pnl="-10")
    happens(past, story)
    past.is_snapshot()
    begins = beginning_of_trial(past.bus, None, limits())
    assert (begins.at.cursor, begins.whole_day) == (story.log[-1][0], False)


def test_an_empty_log_is_followed_from_its_beginning(past: Past) -> None:
    begins = beginning_of_trial(past.bus, None, limits())
    assert (begins.at.cursor, begins.day, begins.whole_day) == (StreamId(0, 0), "", True)


@pytest.mark.parametrize(
    ("since", "day"),
    [("2025-01-15", "2025-01-15"), ("2025-01-16", "2025-01-16"), ("0-0", "")],
)
def test_a_moment_that_is_named_is_where_it_begins_also_before_the_snapshot(
    past: Past, since: str, day: str
) -> None:
    story = WrittenDown()
    story.trades("ES", pnl="-10")
    story.ms += DAY
    story.enters("ES")
    happens(past, story)
    past.is_snapshot()
    begins = beginning_of_trial(past.bus, None, limits(), read_moment(since))
    assert (begins.day, begins.whole_day) == (day, True)
    expected = [at for at, _ in story.log if at.ms < story.ms - DAY // 2]
    assert begins.at.cursor == (expected[-1] if since == "2025-01-16" else ORIGIN)


def test_an_event_that_is_named_is_the_last_one_before_it(past: Past) -> None:
    story = WrittenDown()
    story.trades("ES", pnl="-10")
    happens(past, story)
    event = story.log[2][0]
    begins = beginning_of_trial(past.bus, None, limits(), read_moment(str(event)))
    assert (begins.at.cursor, begins.whole_day) == (event, False)


# --- promoting --------------------------------------------------------------------------------------------


def promoted(past: Past, candidate: Path, *words: str) -> Ran:
    """The candidate's limits are ordered."""
    where = ("--url", past.url, "--portfolio", past.bus.keys.name)
    signed = ("--by", "jane", "--reason", "a day on trial")
    return called("limits", "--promote", str(candidate), *signed, *words, *where, cwd=candidate.parent)


def test_what_was_on_trial_is_ordered_with_its_span_and_tally_in_the_reason(
    past: Past, candidate: Path
) -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-310.50")
    happens(past, story)
    ran = promoted(past, candidate)
    assert (ran.code, ran.err) == (OK, "")
    order = decode_event(past.whole().events[-1].fields)
    assert isinstance(order, LimitsChanged)
    assert (order.by, order.max_positions, order.max_contracts) == ("jane", 1, 1)
    assert order.reason == (
        f"a day on trial; on trial after 0-0 to {story.log[-1][0]}: denied 1, stops 0, "
        "saved $310.50, cost $0.00, still open 0, unknown 0"
    )
    past.is_decided()
    again = promoted(past, candidate)
    assert (again.code, "are those that are in force already" in again.err) == (UNUSABLE, True)


def test_what_loosens_waits_for_the_next_trading_day_though_it_was_on_trial(
    past: Past, candidate: Path
) -> None:
    story = WrittenDown(max_positions=1, daily_stop_loss=Decimal(100))
    story.hears(CoordinatorStarted("host", 1, FOLD_VERSION))
    happens(past, story)
    assert promoted(past, candidate).code == OK
    past.is_decided()
    assert "LooseningWaits" in {entry.fields[1] for entry in past.whole().decisions}


@pytest.mark.parametrize("words", [("--max-positions", "3"), ("--account", "paper")])
def test_a_candidate_is_ordered_alone(past: Past, candidate: Path, words: tuple[str, ...]) -> None:
    ran = promoted(past, candidate, *words)
    assert (ran.code, "--promote: expected without other limits" in ran.err) == (UNUSABLE, True)
