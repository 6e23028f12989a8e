"""Kills under load, a short run; and that each check would notice what it is there for."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portfold.events.wire.bus import Bus
from tests.kills import checks
from tests.kills.checks import Acknowledged, Journals, Log, Told
from tests.live import Live
from tests.processes import ROOT, coordinating
from tests.server import EmbeddedServer

KILLS = 20


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_decided_twice_whoever_is_killed_and_where(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.kills",
        "--kills",
        str(KILLS),
        "--orders",
        "0",
        "--keep",
        str(tmp_path / "kept"),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "Everything holds." in ran.stdout
    kills, requests, told, archived = (
        int(re.findall(pattern, ran.stdout, re.MULTILINE)[0].replace(",", ""))
        for pattern in (
            r"^([\d,]+) kills in ",
            r"^([\d,]+) requests",
            r" ([\d,]+) answers told",
            r" ([\d,]+) moved to",
        )
    )
    assert kills >= KILLS
    assert requests >= told > KILLS
    assert archived > 0


# --- the checks -----------------------------------------------------------------------------------------


def asked(session: str = "s1", seq: str = "1") -> dict[str, str]:
    return {"type": "EntryRequested", "worker": "w", "session": session, "seq": seq, "symbol": "ES"}


def allowed(event: str) -> dict[str, str]:
    return {"type": "EntryAllowed", "event": event}


def denied(event: str, code: str = "halted") -> dict[str, str]:
    return {"type": "EntryDenied", "event": event, "code": code}


SOUND = Log(
    {"5-0": asked(), "6-0": asked(seq="2"), "7-0": {"type": "ClockTicked"}}, [allowed("5-0"), denied("6-0")]
)
JOURNALS = Journals(
    [Acknowledged("5-0", "s1", "1"), Acknowledged("7-0", "-", "-")],
    [Told("5-0", "allowed"), Told("6-0", "halted")],
)


def test_a_sound_log_passes() -> None:
    assert checks.all_acknowledged_is_on_the_log(JOURNALS, SOUND) == []
    assert checks.every_request_has_one_answer(SOUND) == []
    assert checks.workers_were_told_what_the_log_says(JOURNALS, SOUND) == []
    assert checks.nothing_is_missed_or_doubted(SOUND, {"limit_breaches": "0"}) == []


@pytest.mark.parametrize("one", [("8-0", "s1", "3"), ("5-0", "s2", "1"), ("5-0", "s1", "2")])
def test_an_acknowledged_event_that_is_gone_or_anothers_is_found(one: tuple[str, str, str]) -> None:
    journals = Journals([*JOURNALS.acknowledged, Acknowledged(*one)], [])
    [found] = checks.all_acknowledged_is_on_the_log(journals, SOUND)
    assert found.startswith(f"{one[0]} was acknowledged to session {one[1]} as number {one[2]}, and is not")


@pytest.mark.parametrize(
    ("decisions", "found"),
    [
        ([allowed("5-0")], "6-0 has 0 answers"),
        ([allowed("5-0"), denied("6-0"), allowed("6-0")], "6-0 has 2 answers"),
        ([allowed("5-0"), denied("6-0"), allowed("7-0")], "7-0 is no request, and was answered"),
        ([allowed("5-0"), denied("6-0"), allowed("9-0")], "9-0 is no request, and was answered"),
    ],
)
def test_an_answer_too_few_or_too_many_is_found(decisions: list[dict[str, str]], found: str) -> None:
    assert checks.every_request_has_one_answer(SOUND._replace(decisions=decisions)) == [found]


@pytest.mark.parametrize("told", [Told("5-0", "halted"), Told("6-0", "allowed"), Told("9-0", "allowed")])
def test_an_answer_that_is_not_the_one_on_record_is_found(told: Told) -> None:
    assert len(checks.workers_were_told_what_the_log_says(Journals([], [told]), SOUND)) == 1


@pytest.mark.parametrize("kind", ["LogTailMissing", "LossAcknowledged", "TradingHalted"])
def test_a_doubt_on_the_log_is_found(kind: str) -> None:
    log = Log(SOUND.events | {"9-0": {"type": kind}}, [])
    assert len(checks.nothing_is_missed_or_doubted(log, {"limit_breaches": "0"})) == 1
    assert checks.nothing_is_missed_or_doubted(SOUND, {"limit_breaches": "1"}) == ["limits were breached: 1"]


def test_a_decision_or_an_event_that_is_gone_is_found(
    server: EmbeddedServer, portfolio: str, live: Live, bus: Bus, client: Any
) -> None:
    with coordinating(server.url, portfolio):
        live.enters("ES")
    assert checks.all_is_decided_again(bus) == []
    client.copy(bus.keys.decisions, f"{bus.keys.prefix}:copy")
    client.xdel(bus.keys.decisions, str(bus.last_decision()))
    assert "is not on record" in checks.all_is_decided_again(bus)[0]
    client.rename(f"{bus.keys.prefix}:copy", bus.keys.decisions)
    client.xdel(bus.keys.events, str(live.events()[1].id))
    assert len(checks.all_is_decided_again(bus)) == 2


def test_a_line_that_was_not_written_to_its_end_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "w.journal").write_text(
        "acknowledged 5-0 s1 1\nholds ES long\nflat\ntold 5-0 allowed\nacknowledged 6-0 s1"
    )
    assert checks.read_journals(tmp_path.glob("*.journal")) == Journals(
        [Acknowledged("5-0", "s1", "1")], [Told("5-0", "allowed")]
    )


def test_only_the_first_few_are_shown() -> None:
    assert checks.shown(["a", "b"]) == "a; b"
    assert checks.shown(list("abcdefg")) == "a; b; c; d; e ... and 2 more"
