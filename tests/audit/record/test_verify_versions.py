"""What another version of the rules decided is held to its chain, and what was not decided again is said."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from portfold.cli.exits import OK
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.state import State
from portfold.coordinator.store import ledger, verification
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.verification import verify_archive
from portfold.events.codec import encode
from portfold.events.decisions import Decision, EntryDenied
from portfold.events.incoming import CoordinatorStarted, Event, Malformed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past
from tests.audit.in_memory import InMemory, realistic
from tests.audit.record.test_verify import Audit


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """A log that another version began, with other words for a denial, and this version went on with."""
    entries = [(one.event.id, one.event.fields) for one in realistic(300).all]
    at, fields = entries[0]
    assert fields[1] == "CoordinatorStarted"
    entries[0] = (at, encode(CoordinatorStarted("host.1.abc", 1, fold=FOLD_VERSION + 1)))
    with monkeypatch.context() as other_version:
        other_version.setattr(ledger, "fold", in_other_words)
        return InMemory(entries)


def in_other_words(state: State, at: StreamId, event: Event | Malformed) -> list[Decision]:
    return [
        replace(one, reason="No.") if isinstance(one, EntryDenied) else one for one in fold(state, at, event)
    ]


def test_what_another_version_decided_otherwise_is_held_to_its_chain_and_said(upgraded: InMemory) -> None:
    first_denied = next(
        one.event.id for one in upgraded.all for entry in one.decisions if entry.fields[1] == "EntryDenied"
    )
    found = verify(upgraded)
    assert found.difference is None
    assert found.not_decided_from == first_denied
    assert 0 < found.by_chain_alone < found.events == 300
    assert (found.cursor, found.chain) == (upgraded.cursor, upgraded.chain)


def test_what_another_version_decided_alike_is_reproduced(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = realistic(300)
    monkeypatch.setattr(verification, "GOES_ON_FROM", (FOLD_VERSION + 1,))
    found = verify(whole)
    assert (found.difference, found.events, found.by_chain_alone) == (None, 300, 0)


def test_other_words_of_this_version_are_a_difference(
    upgraded: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "GOES_ON_FROM", (FOLD_VERSION + 1,))
    found = verify(upgraded)
    assert found.difference is not None
    assert "says 'No.' where the fold says 'Max positions (4) reached." in found.difference.sentence


@pytest.mark.parametrize("word", [3, -2, -1])
def test_what_is_not_decided_again_cannot_be_altered_either(upgraded: InMemory, word: int) -> None:
    index = next(index for index in range(200, 300) if upgraded.all[index].decisions)
    event, decisions = upgraded.all[index]
    fields = list(decisions[0].fields)
    fields[word] = "altered"
    upgraded.all[index] = Recorded(event, [Entry(decisions[0].id, fields), *decisions[1:]])
    found = verify(upgraded)
    assert found.difference is not None
    assert found.difference.event == event.id


def test_the_archive_of_another_version_is_held_to_its_chain(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20))
    monkeypatch.setattr(verification, "GOES_ON_FROM", (FOLD_VERSION + 1,))
    monkeypatch.setattr(ledger, "fold", in_other_words)
    found = verify_archive(tmp_path / "archive")
    assert 200 < found.by_chain_alone < found.events


def test_it_is_said_how_much_was_not_decided_again(
    past: Past, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(300)
    monkeypatch.setattr(verification, "GOES_ON_FROM", (FOLD_VERSION + 1,))
    monkeypatch.setattr(ledger, "fold", in_other_words)
    code, said = audit("verify")
    assert code == OK
    assert "\nNot decided again: 2" in said
    assert "Another version of the rules decided there; its decisions are held to their chain alone." in said
