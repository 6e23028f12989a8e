"""Whatever happens to an archive's files is found, and the file is named."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import BinaryIO

import msgspec
import pytest

from portfold.coordinator.fold.state import State
from portfold.coordinator.store import archive as archiving
from portfold.coordinator.store import archiver, segment
from portfold.coordinator.store.archive import LISTING, Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import Checkpoint, snapshot_text
from portfold.coordinator.store.verification import verify_archive
from portfold.events.wire.archiver_bus import ArchiverBus, Trimmed
from portfold.whole_files import to_disk
from tests.archive.past import Past, contents

FIRST, SECOND, THIRD = (f"segment-{number:06}.jsonl.gz" for number in (1, 2, 3))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three segments, for all tests: copied before anything is done to it."""
    return tmp_path_factory.mktemp("made") / "archive"


@pytest.fixture
def archive(past: Past, made: Path, folder: Path) -> Path:
    """A copy of it."""
    if not made.exists():
        past.happens(300)
        archive_history(past.bus, made, Keep(events=20), segment_events=100)
    shutil.copytree(made, folder)
    return folder


def fault(folder: Path) -> str:
    """What verifying says, without the folder."""
    with pytest.raises(ArchiveError) as caught:
        verify_archive(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_one_flipped_bit_anywhere_is_found_and_the_file_named(archive: Path) -> None:
    random = Random(4)
    verify_archive(archive)
    for path in sorted(archive.glob("*[!k]")):
        whole = path.read_bytes()
        places = {0, 3, 4, 8, 9, len(whole) - 1, *(random.randrange(len(whole)) for _ in range(60))}
        for place in sorted(places):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << random.randrange(8)
            path.write_bytes(flipped)
            assert fault(archive).startswith(f"{path.name}: "), f"byte {place} of {path.name}"
        path.write_bytes(whole)
    verify_archive(archive)


@pytest.mark.parametrize("name", [FIRST, SECOND, THIRD])
def test_a_missing_segment_is_named(archive: Path, name: str) -> None:
    (archive / name).unlink()
    assert fault(archive) == f"{name}: this segment is missing. Restore it from a backup."


@pytest.mark.parametrize("name", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("bytes_left", [0, 1, 1000])
def test_a_truncated_segment_is_named(archive: Path, name: str, bytes_left: int) -> None:
    size = (archive / name).stat().st_size
    (archive / name).write_bytes((archive / name).read_bytes()[:bytes_left])
    assert f"{name}: this segment is not the one that archive.json lists" in fault(archive)
    assert f"it is {bytes_left:,} bytes long and not {size:,}" in fault(archive)


def test_something_after_a_segments_end_is_found(archive: Path) -> None:
    with (archive / SECOND).open("ab") as file:
        file.write(gzip.compress(b'["event","9-9","type","ClockTicked"]\n'))
    assert fault(archive).startswith(f"{SECOND}: this segment is not the one")


def test_two_segments_in_each_others_place_are_found(archive: Path) -> None:
    first, second = (archive / FIRST).read_bytes(), (archive / SECOND).read_bytes()
    (archive / FIRST).write_bytes(second)
    (archive / SECOND).write_bytes(first)
    assert fault(archive).startswith(f"{FIRST}: this segment is not the one")


def forge(folder: Path, **changes: object) -> None:
    """Changes what the listing says, and seals it anew."""
    listing = json.loads((folder / LISTING).read_text()) | changes | {"sha256": ""}
    listing["sha256"] = hashlib.sha256(msgspec.json.encode(listing)).hexdigest()
    (folder / LISTING).write_bytes(msgspec.json.format(msgspec.json.encode(listing), indent=1) + b"\n")


@pytest.mark.parametrize("name", ["\x1b[2J", "\x9b2J", "a b", ""])
def test_a_listing_of_what_is_no_portfolio_is_refused(archive: Path, name: str) -> None:
    forge(archive, portfolio=name)
    assert fault(archive).startswith(f"{LISTING}: this file is damaged.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first", "zz"),
        ("last", "zz"),
        ("last", "9" * 30 + "-0"),
        *[("file", file) for file in ("/etc/passwd", "../" + SECOND, THIRD, "", "a" * 300, "a\0b", ".")],
    ],
)
def test_a_listing_of_what_is_no_segment_is_refused(archive: Path, name: str, value: str) -> None:
    segments = json.loads((archive / LISTING).read_text())["segments"]
    segments[1][name] = value
    forge(archive, segments=segments)
    assert fault(archive).startswith(f"{LISTING}: this file is damaged.")


def test_a_listing_that_is_missing_or_no_listing_is_named(archive: Path) -> None:
    (archive / LISTING).write_text("{}")
    assert fault(archive).startswith(f"{LISTING}: this file is damaged. Remove it and run `portfold archive`")
    (archive / LISTING).write_text('{"a":' * 50_000)
    assert fault(archive).startswith(f"{LISTING}: this file is damaged.")
    (archive / LISTING).unlink()
    assert fault(archive).startswith(f"{LISTING}: there is no such file, so no archive to read.")


# --- before anything is trimmed ---------------------------------------------------------------------------


def test_a_disk_that_gives_back_something_else_is_found_before_the_segment_is_listed(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_a_bad_disk(file: BinaryIO) -> None:
        file.seek(500)
        file.write(b"\x00")
        to_disk(file)

    past.happens(300)
    monkeypatch.setattr(segment, "to_disk", to_a_bad_disk)
    with pytest.raises(ArchiveError, match=f"{FIRST}.part: "):
        archive_history(past.bus, folder, Keep(events=20))
    assert len(past.whole().events) == 300
    assert not Archive.is_in(folder)


@pytest.mark.parametrize("alter", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_segment_that_is_damaged_after_it_was_listed_is_not_trimmed(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch, alter: Callable[[Path], object]
) -> None:
    past.happens(300)
    with monkeypatch.context() as ended_before_the_trim:
        ended_before_the_trim.setattr(ArchiverBus, "trim", lambda *_: Trimmed("done", 0, 0))
        archive_history(past.bus, folder, Keep(events=20), segment_events=100)
    alter(folder / SECOND)
    first = Archive.open(folder).segments[0]
    with pytest.raises(ArchiveError, match=f"{SECOND}: this segment is "):
        archive_history(past.bus, folder, Keep(events=20))
    assert len(past.whole().events) == 300 - first.events


# --- found without the listing's help: as an archiver does that finds segments which are not listed --------


def adopted(past: Past, folder: Path) -> None:
    """Lists the segments of the folder again."""
    archive_history(past.bus, folder, Keep(events=20))


@pytest.fixture
def unlisted(past: Past, folder: Path) -> Path:
    """An archive of the test's own portfolio that has lost its listing."""
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20), segment_events=100)
    (folder / LISTING).unlink()
    return folder


def test_a_lost_listing_is_made_again_as_it_was(past: Past, folder: Path) -> None:
    past.happens(300)
    archive_history(past.bus, folder, Keep(events=20), segment_events=100)
    before = contents(folder)
    (folder / LISTING).unlink()
    adopted(past, folder)
    assert contents(folder) == before


def test_a_missing_segment_is_named_also_where_none_is_listed(past: Past, unlisted: Path) -> None:
    (unlisted / SECOND).unlink()
    with pytest.raises(ArchiveError, match=f"{SECOND}: this segment is missing, though {THIRD} is there"):
        adopted(past, unlisted)


def cut_off(content: bytes) -> bytes:
    return content[:-100]


def without_its_closing(content: bytes) -> bytes:
    return gzip.compress(b"".join(gzip.decompress(content).splitlines(keepends=True)[:-1]), mtime=0)


def with_a_word_exchanged(content: bytes) -> bytes:
    return gzip.compress(gzip.decompress(content).replace(b'"long"', b'"short"', 1), mtime=0)


def with_two_lines_exchanged(content: bytes) -> bytes:
    lines = gzip.decompress(content).splitlines(keepends=True)
    lines[20], lines[21] = lines[21], lines[20]
    return gzip.compress(b"".join(lines), mtime=0)


def with_more_behind_it(content: bytes) -> bytes:
    return content + gzip.compress(b'["event","9-9","type","ClockTicked"]\n')


def no_gzip(content: bytes) -> bytes:
    return gzip.decompress(content)


def with_a_byte_flipped_inside(content: bytes) -> bytes:
    middle = len(content) // 2
    return (
        content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 9]) + content[middle + 9 :]
    )


@pytest.mark.parametrize(
    "alter",
    [
        cut_off,
        without_its_closing,
        with_a_word_exchanged,
        with_two_lines_exchanged,
        with_more_behind_it,
        no_gzip,
        with_a_byte_flipped_inside,
        lambda _content: b"",
    ],
)
def test_an_altered_segment_is_named_also_where_it_is_not_listed(
    past: Past, unlisted: Path, alter: Callable[[bytes], bytes]
) -> None:
    segment = unlisted / SECOND
    segment.write_bytes(alter(segment.read_bytes()))
    with pytest.raises(ArchiveError, match=f"{SECOND}: this segment"):
        adopted(past, unlisted)
    assert len(Archive.open(unlisted).segments) == 1


def test_a_segment_of_another_portfolio_is_not_taken_in(
    past: Past, other: Past, unlisted: Path, tmp_path: Path
) -> None:
    other.happens(300)
    archive_history(other.bus, tmp_path / "other", Keep(events=20), segment_events=100)
    shutil.copy(tmp_path / "other" / FIRST, unlisted / FIRST)
    with pytest.raises(ArchiveError, match=f"{FIRST}: this segment does not follow on the one before it"):
        adopted(past, unlisted)


# --- forgeries: files that agree with themselves ------------------------------------------------------------


def forged(content: bytes) -> bytes:
    """The segment with an answer turned round, and a closing line that fits."""
    *lines, closing = gzip.decompress(content).splitlines(keepends=True)
    denied = next(index for index, line in enumerate(lines) if b'"EntryDenied"' in line)
    lines[denied] = lines[denied].replace(b'"EntryDenied"', b'"EntryAllowed"')
    sha256 = hashlib.sha256(b"".join(lines)).hexdigest()
    lines.append(json.dumps(json.loads(closing) | {"sha256": sha256}).encode() + b"\n")
    return gzip.compress(b"".join(lines), mtime=0)


def test_a_forged_segment_is_not_taken_in(past: Past, unlisted: Path) -> None:
    (unlisted / THIRD).write_bytes(forged((unlisted / THIRD).read_bytes()))
    with pytest.raises(ArchiveError, match=f"{THIRD}: this segment is not what was decided. Decision"):
        adopted(past, unlisted)


def test_a_forged_segment_with_a_listing_to_match_is_found(
    past: Past, unlisted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (unlisted / THIRD).write_bytes(forged((unlisted / THIRD).read_bytes()))
    with monkeypatch.context() as listing_without_looking:
        listing_without_looking.setattr(archiver, "difference", lambda *_: None)
        adopted(past, unlisted)
    assert "says 'EntryAllowed' where the fold says 'EntryDenied'. Restore it." in fault(unlisted)


def test_a_forged_state_at_the_end_is_found(
    past: Past, unlisted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_nothing(place: Checkpoint) -> str:
        return snapshot_text(Checkpoint(State(), place.cursor, place.chain))

    with monkeypatch.context() as forging:
        forging.setattr(archiving, "snapshot_text", of_nothing)
        adopted(past, unlisted)
    assert fault(unlisted) == f"{LISTING}: the state in it is not the one that its segments lead to."
