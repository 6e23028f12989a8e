"""The promise: however many ask at once, at most four slots are granted, and each request answered once."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.live import Live, flat
from tests.processes import ROOT, Coordinators, config_folder
from tests.promises import rush
from tests.server import EmbeddedServer

REQUESTS = rush.PROCESSES * (rush.BY_GATE + rush.BY_BUS)
SLOTS = 4


class Slots:
    """Counts slots from the log alone: knows the words on it, and nothing of how they are decided."""

    def __init__(self) -> None:
        self.reserved: set[tuple[str, str]] = set()
        self.held: set[tuple[str, str]] = set()
        self.most = 0

    def hears(self, event: dict[str, str]) -> None:
        """What a worker said: a slot is filled, emptied or given back."""
        who = event.get("worker", ""), event.get("symbol", "")
        match event["type"]:
            case "PositionOpened":
                assert who in self.reserved, f"{who} filled what was not granted"
                self.reserved.remove(who)
                self.held.add(who)
            case "PositionClosed":
                self.held.remove(who)
            case "EntryWithdrawn":
                self.reserved.discard(who)

    def decided(self, decision: dict[str, str]) -> None:
        """What was decided: a slot is granted, or lapses."""
        who = decision.get("worker", ""), decision.get("symbol", "")
        match decision["type"]:
            case "EntryAllowed":
                assert who[1] not in {symbol for _, symbol in self.reserved | self.held}
                self.reserved.add(who)
                self.most = max(self.most, len(self.reserved | self.held))
                assert len(self.reserved | self.held) <= SLOTS
            case "EntryExpired":
                self.reserved.remove(who)


def test_the_count_would_notice_a_fifth_slot() -> None:
    slots = Slots()
    for symbol in rush.SYMBOLS[:SLOTS]:
        slots.decided({"type": "EntryAllowed", "worker": "w", "symbol": symbol})
    with pytest.raises(AssertionError):
        slots.decided({"type": "EntryAllowed", "worker": "w", "symbol": rush.SYMBOLS[SLOTS]})


@pytest.mark.timeout(300)
def test_twenty_thousand_requests_of_sixteen_processes_are_answered_once_each_and_four_at_most_granted(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    patient = config_folder(tmp_path / "config", runtime={"lease_ms": 20_000, "reservation_seconds": 3_600})
    coordinators.start(config=patient)
    command = [sys.executable, "-m", "tests.promises.rush", server.url, portfolio, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    live.all_decided()  # and all of it follows from the events, decision by decision

    decisions: dict[str, list[dict[str, str]]] = {}
    for entry in live.decisions():
        decision = flat(entry)
        decisions.setdefault(decision["event"], []).append(decision)
    slots = Slots()
    answers: dict[str, str] = {}
    for entry in live.events():
        event, at = flat(entry), str(entry.id)
        slots.hears(event)
        for decision in decisions.pop(at, []):
            slots.decided(decision)
            if decision["type"] in {"EntryAllowed", "EntryDenied"}:
                assert event["type"] == "EntryRequested"
                assert at not in answers, f"{at} was answered twice"
                answers[at] = decision.get("code", "")
        assert event["type"] != "EntryRequested" or at in answers, f"{at} was not answered"
    assert decisions == {}, "decisions on events that are not on the log"
    assert len(answers) == REQUESTS == 20_000
    assert slots.most == SLOTS
    assert slots.held == set() == slots.reserved

    told = [answered for file in tmp_path.glob("*.answers") for answered in answers_in(file)]
    assert len(told) == REQUESTS
    assert {one.request: one.code for one in told} == answers
    assert {"", "max_positions", "symbol_pending"} <= set(answers.values())
    assert live.status()["limit_breaches"] == live.status()["events_rejected"] == "0"


def answers_in(file: Path) -> list[rush.Answered]:
    return msgspec.json.decode(file.read_bytes(), type=list[rush.Answered])
