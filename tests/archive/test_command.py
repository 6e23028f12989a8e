"""`portfold archive` as a person runs it: what it says, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK, UNREACHABLE, UNUSABLE
from portfold.coordinator.store.archive import LISTING
from tests.archive.past import Past, contents
from tests.cli.command_line import exit_code, started
from tests.processes import READY, config_folder
from tests.server import EmbeddedServer

Archive = Callable[..., tuple[int, str]]


@pytest.fixture
def archive(
    past: Past,
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Archive:
    """Runs the command for the test's portfolio: its exit code, and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PORTFOLD_CONFIG", raising=False)

    def command(*words: str, url: str = server.url) -> tuple[int, str]:
        code = exit_code(["archive", "--url", url, "--portfolio", past.bus.keys.name, *words])
        said = capsys.readouterr()
        return code, said.err if code else said.out

    return command


def test_it_tells_what_went_where_and_how_fast_it_was_verified(
    past: Past, archive: Archive, folder: Path
) -> None:
    past.happens(300)
    code, said = archive("--dir", str(folder), "--keep-events", "20")
    assert code == OK
    segment, moved, kept, decided = said.splitlines()
    whole = past.whole()
    events, decisions = 300 - len(whole.events), len(whole.decisions)
    assert segment.startswith(f"segment-000001.jsonl.gz  {events} events and ")
    assert moved.startswith(f"{events} events and ")
    assert moved.endswith(f" decisions moved from {past.bus.keys.name} on {past.url} to {folder}.")
    assert kept == f"The server keeps all from event {whole.events[0].id} on."
    assert decided.startswith("Decided 300 events again at ")
    assert decided.endswith(" a second, all alike.")
    assert decisions > 0


def test_by_default_ten_thousand_events_stay(past: Past, archive: Archive) -> None:
    past.happens(300)
    code, said = archive()
    assert code == OK
    assert said.startswith(f"Nothing to move from {past.bus.keys.name} on ")
    assert len(past.whole().events) == 300


@pytest.mark.parametrize("named", [False, True])
def test_the_folder_is_that_of_the_configuration_or_the_users_own(
    past: Past, archive: Archive, tmp_path: Path, *, named: bool
) -> None:
    past.happens(300)
    config = config_folder(
        tmp_path / "config", runtime={"archive_folder": str(tmp_path / "named")} if named else {}
    )
    folder = tmp_path / "named" if named else tmp_path / "portfold" / "archive" / past.bus.keys.name
    assert archive("--config", str(config), "--keep-events", "20")[0] == OK
    assert LISTING in contents(folder)
    assert archive("--config", str(config), "--verify")[0] == OK


def test_a_dry_run_moves_nothing(past: Past, archive: Archive, folder: Path) -> None:
    past.happens(300)
    code, said = archive("--dir", str(folder), "--keep-days", "1", "--dry-run")
    assert (code, said.splitlines()[0][:16]) == (OK, "Nothing to move ")
    code, said = archive("--dir", str(folder), "--keep-events", "20", "--dry-run")
    assert code == OK
    assert " decisions would be moved from " in said
    assert "keeps all" not in said
    assert len(past.whole().events) == 300
    assert not folder.exists()


def test_verifying_says_what_is_right_and_needs_no_server(past: Past, archive: Archive, folder: Path) -> None:
    past.happens(300)
    archive("--dir", str(folder), "--keep-events", "20")
    code, said = archive("--dir", str(folder), "--verify", url="redis://127.0.0.1:1/0")
    assert code == OK
    segment, whole, decided = said.splitlines()
    assert segment.startswith("segment-000001.jsonl.gz")
    assert whole.startswith(f"The archive {folder} of portfolio {past.bus.keys.name} is whole: 1 segment, ")
    assert decided.endswith(" a second, all alike.")


def test_verifying_says_that_a_segment_is_not_listed(past: Past, archive: Archive, folder: Path) -> None:
    past.happens(300)
    archive("--dir", str(folder), "--keep-events", "100")
    listing = (folder / LISTING).read_bytes()
    archive("--dir", str(folder), "--keep-events", "20")
    (folder / LISTING).write_bytes(listing)
    code, said = archive("--dir", str(folder), "--verify")
    assert code == OK
    assert "1 segment is not listed yet; the next `portfold archive --url" in said


def test_damage_is_a_failure_that_names_the_file(past: Past, archive: Archive, folder: Path) -> None:
    past.happens(300)
    archive("--dir", str(folder), "--keep-events", "20")
    segment = folder / "segment-000001.jsonl.gz"
    segment.write_bytes(segment.read_bytes()[:-1])
    code, said = archive("--dir", str(folder), "--verify")
    assert code == FAILED
    assert said.startswith(f"portfold: {segment}: this segment is not the one that archive.json lists")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--keep-events", "5", "--keep-days", "5"], UNUSABLE, "--keep-events, --keep-days: expected one"),
        (["--keep-events", "0"], UNUSABLE, "--keep-events"),
        (["--keep-days", "0"], UNUSABLE, "--keep-days"),
        (["--verify", "--dry-run"], UNUSABLE, "--verify: expected neither"),
        (["--verify", "--keep-events", "5"], UNUSABLE, "--verify: expected neither"),
        (["--verify", "--dir", "nowhere"], FAILED, "nowhere/archive.json: there is no such file"),
        (["--dir", "nowhere"], FAILED, "has no snapshot that can be used"),
        (["--dir", "a-file/archive"], FAILED, "a-file/archive cannot be written: Not a directory."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_one_sentence(
    archive: Archive, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "a-file").write_text("")
    ended, said = archive(*words)
    assert ended == code
    assert sentence in said
    assert said.startswith("portfold: ")
    assert said.count("\n") == 1


def test_a_server_that_is_not_there_is_told(archive: Archive) -> None:
    code, said = archive(url="redis://127.0.0.1:1/0")
    assert code == UNREACHABLE
    assert said.startswith("portfold: Redis at 127.0.0.1:1 did not answer while ")


def test_a_coordinator_starts_from_the_archive_that_is_named_on_its_command_line(
    past: Past, archive: Archive, folder: Path, tmp_path: Path, server: EmbeddedServer
) -> None:
    past.happens(300)
    archive("--dir", str(folder), "--keep-events", "20")
    past.client.delete(past.bus.keys.snapshot)
    where = ("--url", server.url, "--portfolio", past.bus.keys.name)
    with started("coordinator", *where, "--archive", str(folder), cwd=tmp_path) as coordinator:
        coordinator.says(READY)
