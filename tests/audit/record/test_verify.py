"""`portfold audit verify`: what was decided comes out again, everywhere, and what it says when it does."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNUSABLE
from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.ledger import Decided
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from tests.archive.past import Past
from tests.audit.golden_record import CHAIN, Golden
from tests.audit.in_memory import realistic
from tests.cli.command_line import portfold, started
from tests.waiting import until

Audit = Callable[..., tuple[int, str]]


# --- what is whole is reproduced --------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_a_log_on_a_server_is_reproduced_whatever_the_batches(past: Past, at_once: int) -> None:
    past.happens(300)
    seen: list[StreamId] = []

    def see(decided: Decided, _state: State) -> None:
        seen.append(decided.at)

    found = verify(LiveRecord(past.bus, at_once=at_once), observe=see)
    whole = past.whole()
    assert found.difference is None
    assert (found.events, found.decisions, found.days) == (300, len(whole.decisions), 1)
    assert seen == [entry.id for entry in whole.events]
    assert (found.cursor, found.chain) == past.place[:2]
    assert found.state.stats.total_entries_blocked > 50


def test_across_archive_and_stream_it_is_the_same_as_before(past: Past, tmp_path: Path) -> None:
    past.happens(1_000)
    before = verify(LiveRecord(past.bus))
    archive_history(past.bus, tmp_path / "archive", Keep(events=300), segment_events=200)
    across = verify(LiveRecord(past.bus, tmp_path / "archive"))
    assert across.difference is None
    assert across == before
    alone = verify(ArchivedRecord(tmp_path / "archive"))
    assert alone.difference is None
    assert 0 < alone.events == 1_000 - len(past.whole().events)


def test_a_copy_is_reproduced_like_what_it_was_made_of(past: Past, tmp_path: Path, audit: Audit) -> None:
    past.happens(300)
    copy_record(LiveRecord(past.bus), tmp_path / "copy")
    code, said = audit("verify", "--archive", str(tmp_path / "copy"), "--archive-only", "--json")
    assert code == OK
    assert (json.loads(said)["events"], json.loads(said)["chain"]) == (300, past.place[1])


def test_the_days_of_a_longer_log_are_counted() -> None:
    found = verify(realistic(12_000))
    assert (found.difference, found.days) == (None, 2)


def test_an_empty_portfolio_has_nothing_to_differ_in(past: Past) -> None:
    found = verify(LiveRecord(past.bus))
    assert (found.events, found.difference, found.cursor, found.chain) == (0, None, ORIGIN, GENESIS)


def test_events_that_are_not_decided_yet_are_counted_and_are_no_difference(past: Past, audit: Audit) -> None:
    past.happens(300)
    for _ in range(3):
        past.client.execute_command("XADD", past.bus.keys.events, "*", "type", "ClockTicked")
    assert verify(LiveRecord(past.bus)).undecided == 3
    code, said = audit("verify")
    assert code == OK
    assert said.splitlines()[-1] == "Not decided yet: 3 events after that."


# --- what it says -----------------------------------------------------------------------------------------


def test_it_says_how_much_was_reproduced_and_where_the_chain_leads(past: Past, audit: Audit) -> None:
    past.happens(300)
    code, said = audit("verify")
    assert code == OK
    reproduced, counted, chain = said.splitlines()
    assert reproduced == f"Reproduced: {past.bus.keys.name} on {past.url}"
    decisions = len(past.whole().decisions)
    assert counted.startswith(
        f"300 events and {decisions} decisions of 1 trading day decided again, byte for byte alike, in "
    )
    assert chain == f"The chain leads to event {past.place[0]}: {past.place[1]}"


def test_as_json_it_is_one_object_for_programs(past: Past, audit: Audit) -> None:
    past.happens(300)
    code, said = audit("verify", "--json")
    assert code == OK
    found = json.loads(said)
    assert found.pop("seconds") > 0
    assert found == {
        "reproduced": True,
        "portfolio": past.bus.keys.name,
        "record": f"{past.bus.keys.name} on {past.url}",
        "events": 300,
        "decisions": len(past.whole().decisions),
        "days": 1,
        "cursor": str(past.place[0]),
        "chain": past.place[1],
        "by_chain_alone": 0,
        "not_decided_from": "",
        "undecided": 0,
        "anchors": [],
        "difference": None,
    }


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--archive", "nowhere"], "nowhere/archive.json: there is no such file"),
        (["--archive", "nowhere", "--archive-only"], "nowhere/archive.json: there is no such file"),
        (["--public-key", "any.pub"], "--public-key: expected --anchor with it"),
        (["--anchor", "@nowhere.txt"], "--anchor: nowhere.txt cannot be read: No such file or directory."),
        (["--anchor", "gibberish"], "--anchor: expected a line that begins with portfold-anchor 1, got "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_read_is_told_in_a_sentence_and_ends_with_2(
    past: Past, audit: Audit, words: list[str], sentence: str
) -> None:
    past.happens(300)
    code, said = audit("verify", *words)
    assert (code, said[:10]) == (UNUSABLE, "portfold: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_a_server_that_does_not_answer_could_not_be_read_either(audit: Audit) -> None:
    code, said = audit("verify", url="redis://127.0.0.1:1/0")
    assert code == UNUSABLE
    assert said.startswith("portfold: Redis at 127.0.0.1:1 did not answer while ")


def test_a_log_whose_beginning_was_archived_elsewhere_cannot_be_read(
    past: Past, tmp_path: Path, audit: Audit
) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    code, said = audit("verify")
    assert code == UNUSABLE
    assert f"they were moved to the archive {tmp_path / 'archive'}" in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_it_without_a_word(past: Past, tmp_path: Path, jobs: str) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20), segment_events=100)
    segment = tmp_path / "archive" / "segment-000001.jsonl.gz"
    segment.unlink()
    os.mkfifo(segment)  # who reads it waits for whoever writes

    def at_work() -> bool:
        try:
            pipe.append(os.open(segment, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads it yet
            return False
        return True

    pipe: list[int] = []
    words = ("audit", "verify", "--archive-only", "--archive", "archive", "--jobs", jobs)
    with started(*words, cwd=tmp_path) as verifying:
        until(at_work, "it to read the segment")
        verifying.process.send_signal(signal.SIGINT)
        os.close(pipe[0])  # it may have come just before the wait began, and is then seen after it
        assert verifying.process.wait(20) == INTERRUPTED
        assert verifying.said.read_text() == ""


# --- everywhere the same ----------------------------------------------------------------------------------


def test_the_golden_record_comes_out_the_same_on_every_python() -> None:
    """Its file is committed: whichever Python runs this has to make the same of it, to the last byte."""
    found = verify(Golden())
    assert found.difference is None
    assert (found.events, found.decisions, found.days, found.chain) == (293, 187, 2, CHAIN)


def test_hash_seeds_make_no_difference(tmp_path: Path) -> None:
    copy_record(Golden(), tmp_path / "golden")
    said = set()
    for seed in ("0", "1", "4242"):
        words = ("audit", "verify", "--archive", "golden", "--archive-only", "--json")
        ran = portfold(*words, cwd=tmp_path, PYTHONHASHSEED=seed)
        assert (ran.code, ran.err) == (OK, "")
        found = json.loads(ran.out)
        del found["seconds"]
        said.add(json.dumps(found))
    assert len(said) == 1
    assert f'"chain": "{CHAIN}"' in said.pop()
