"""`portfold audit why`, `at` and `show` as a person runs them: over a server, an archive, a copy."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNREACHABLE, UNUSABLE
from portfold.coordinator.store.archiver import Keep, archive_history
from tests.archive.past import Past
from tests.cli.command_line import COMMAND, environment

Audit = Callable[..., tuple[int, str]]


@pytest.fixture
def told(past: Past) -> Past:
    """A past to ask about."""
    past.happens(300)
    return past


@pytest.mark.usefixtures("told")
def test_why_tells_request_state_rule_and_what_came_next(audit: Audit) -> None:
    code, said = audit("why", "--symbol", "6A", "--type", "EntryDenied")
    assert code == OK
    assert " EntryDenied" in said
    assert "⛔ 6A ENTRY BLOCKED BY PORTFOLIO: Max positions (4) reached." in said
    assert "4 positions open + 0 reserved = 4 of 4; this would be number 5." in said
    assert "\nThe state it met, after event " in said
    assert "\nDaily P&L    $" in said
    assert "\nWhat happened next:\n" in said
    assert max(map(len, said.splitlines())) <= 100


def test_why_takes_the_id_of_an_event_or_of_a_decision(told: Past, audit: Audit) -> None:
    decision = told.whole().decisions[-1]
    _, by_decision = audit("why", str(decision.id), "--json")
    _, by_event = audit("why", decision.fields[-3], "--json")
    _, last = audit("why", "--last", "--json")
    events = [json.loads(said)["event"] for said in (by_decision, by_event, last)]
    assert events == [decision.fields[-3]] * 3
    found = json.loads(last)
    assert found["decisions"][-1]["asked"]
    assert found["decisions"][-1]["id"] == str(decision.id)
    assert found["met"]["max_positions"] == 4


def test_why_explains_garbage_as_well(told: Past, audit: Audit) -> None:
    events = [entry for entry in told.whole().events if "\udcff" in entry.fields[0]]
    code, said = audit("why", str(events[0].id))
    assert code == OK
    assert "Not an event: \\udcff\\udcfe=" in said
    code, said = audit("why", str(events[0].id), "--json")
    assert (code, json.loads(said)["fields"]) == (OK, events[0].fields)


def test_at_shows_the_status_of_then(told: Past, audit: Audit) -> None:
    event = told.whole().events[150].id
    code, said = audit("at", str(event))
    assert code == OK
    assert said.startswith(f"Portfolio    {told.bus.keys.name} on {told.url}\nAs it was    ")
    assert f"after event {event}; the next is " in said
    code, said = audit("at", str(event), "--json")
    assert json.loads(said)["last_event"] == str(event)


def test_show_is_the_log_line_by_line(told: Past, audit: Audit) -> None:
    whole = told.whole()
    for form, more in (("text", 0), ("jsonl", 0), ("csv", 1)):
        code, said = audit("show", "--format", form)
        assert code == OK
        assert len(said.splitlines()) == len(whole.events) + len(whole.decisions) + more
    assert len(audit("show", "--limit", "7")[1].splitlines()) == 7
    code, said = audit(
        "show", "--symbol", "ES", "--symbol", "CL", "--type", "EntryDenied", "--format", "jsonl"
    )
    assert {json.loads(line)["symbol"] for line in said.splitlines()} == {"CL", "ES"}


def test_the_answers_are_the_same_wherever_the_record_lies(
    told: Past, audit: Audit, folder: Path, tmp_path: Path
) -> None:
    questions = [("show",), ("at", "2025-01-05T17:20", "--json"), ("why", "--last", "--json")]
    live = [audit(*question) for question in questions]
    assert [code for code, _ in live] == [OK] * 3
    audit("copy", "--to", str(folder))
    archive_history(told.bus, tmp_path / "archive", Keep(events=20))
    for where in (("--archive", str(folder), "--archive-only"), ("--archive", str(tmp_path / "archive"))):
        assert [audit(*question, *where) for question in questions] == live


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(told: Past, tmp_path: Path) -> None:
    words = [*COMMAND, "audit", "show", "--url", told.url, "--portfolio", told.bus.keys.name]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as show:
        assert show.stdout is not None
        assert show.stderr is not None
        assert b"CoordinatorStarted" in show.stdout.readline()
        show.stdout.close()
        assert show.wait(30) in (OK, FAILED)
        assert show.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["why"], UNUSABLE, "Expected either an ID, or --last, --symbol or --type."),
        (["why", "5-0", "--last"], UNUSABLE, "Expected either an ID, or --last, --symbol or --type."),
        (
            ["why", "yesterday"],
            UNUSABLE,
            "ID: expected a stream ID such as 1736950000000-0, got 'yesterday'.",
        ),
        (["why", "5-0"], FAILED, "There is no event and no decision 5-0 on record."),
        (["why", "--symbol", "GC"], FAILED, "There is no such decision on record."),
        (["why", "--type", "EntryMaybe"], UNUSABLE, "--type: expected one of EntryRequested, "),
        (["at"], UNUSABLE, "TIME"),
        (["at", "noon"], UNUSABLE, "TIME: expected a time such as 2025-01-15T14:30"),
        (["at", "2025-01-18"], UNUSABLE, "TIME: 2025-01-18 is a Saturday"),
        (["at", "2000-01-03"], FAILED, "Nothing had happened by then"),
        (["at", "5-0"], FAILED, "There is no event 5-0 on record."),
        (["show", "--from", "noon"], UNUSABLE, "--from: expected a time such as"),
        (["show", "--from", "17:30", "--to", "17:20"], UNUSABLE, "a stretch that ends after it begins"),
        (["show", "--type", "entrydenied"], UNUSABLE, "--type: expected one of EntryRequested, "),
        (["show", "--limit", "0"], UNUSABLE, "--limit"),
        (["show", "--format", "xml"], UNUSABLE, "xml"),
        (
            ["show", "--archive", "nowhere", "--archive-only"],
            FAILED,
            "nowhere/archive.json: there is no such file",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.usefixtures("told")
def test_a_mistake_is_told_in_one_sentence(audit: Audit, words: list[str], code: int, sentence: str) -> None:
    ended, said = audit(*words)
    assert (ended, said.count("\n")) == (code, 1)
    assert sentence in said


@pytest.mark.parametrize("words", [["why", "--last"], ["at", "10:00"], ["show"]])
def test_a_server_that_is_not_there_is_told(audit: Audit, words: list[str]) -> None:
    code, said = audit(*words, url="redis://127.0.0.1:1/0")
    assert code == UNREACHABLE
    assert said.startswith("portfold: Redis at 127.0.0.1:1 did not answer while ")


def test_nothing_is_written_to_the_portfolio(told: Past, audit: Audit, folder: Path) -> None:
    raw, before = told.client.keys(f"{told.bus.keys.prefix}*"), told.whole()
    status, head = told.bus.status(), told.bus.head()
    for words in (["why", "--last"], ["at", "23:00"], ["show"], ["copy", "--to", str(folder)]):
        assert audit(*words)[0] == OK
    assert sorted(told.client.keys(f"{told.bus.keys.prefix}*")) == sorted(raw)
    assert (told.whole(), told.bus.status(), told.bus.head()) == (before, status, head)
