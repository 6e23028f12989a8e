"""Whatever happens to a copy is found, by whoever reads all of it, and the file is named."""

import hashlib
import json
from pathlib import Path
from random import Random

import msgspec
import pytest

from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.record.record import ArchivedRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import LISTING
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.verification import verify_archive
from tests.audit.in_memory import realistic
from tests.audit.record.tampering import forge_last


@pytest.fixture
def copy(folder: Path) -> Path:
    """A copy of three segments."""
    copy_record(realistic(200), folder, segment_events=80)
    return folder


def fault(folder: Path) -> str:
    """What merely reading all of it finds; nothing when all is as it was."""
    try:
        for _ in ArchivedRecord(folder).recorded():
            pass
    except ArchiveError as found:
        return str(found).replace(f"{folder}/", "")
    return ""


def test_one_flipped_bit_anywhere_is_found_and_the_file_named(copy: Path) -> None:
    random = Random(7)
    for path in sorted(copy.iterdir()):
        whole = path.read_bytes()
        for place in sorted({0, len(whole) - 1, *(random.randrange(len(whole)) for _ in range(60))}):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << random.randrange(8)
            path.write_bytes(flipped)
            assert fault(copy).startswith(f"{path.name}: "), f"byte {place} of {path.name}"
        path.write_bytes(whole)
    assert fault(copy) == ""


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_missing_segment_is_named(copy: Path, number: int) -> None:
    (copy / f"segment-{number:06}.jsonl.gz").unlink()
    assert fault(copy).startswith(f"segment-{number:06}.jsonl.gz: this segment is missing")


def test_a_copy_that_somebody_made_to_add_up_is_held_to_its_chain_by_a_mere_reader(copy: Path) -> None:
    forge_last(copy, b'"EntryDenied"', b'"EntryAllowed"')
    assert fault(copy) == (
        "segment-000003.jsonl.gz: this segment's last chain is not that of its entries. Restore it."
    )
    unlike = verify(ArchivedRecord(copy)).difference
    assert unlike is not None
    assert "says 'EntryAllowed' where the fold says 'EntryDenied'." in unlike.sentence


# --- its listing --------------------------------------------------------------------------------------------


def resealed(folder: Path, **changes: object) -> None:
    """Writes archive.json with these changes, and with a hash that fits them."""
    listing = json.loads((folder / LISTING).read_text()) | {"sha256": ""} | changes
    listing = {name: value for name, value in listing.items() if value is not None}
    listing["sha256"] = hashlib.sha256(msgspec.json.encode(listing)).hexdigest()
    (folder / LISTING).write_bytes(msgspec.json.format(msgspec.json.encode(listing), indent=1) + b"\n")


def test_a_forged_head_does_not_lead_past_the_chain(copy: Path) -> None:
    head = json.loads((copy / LISTING).read_text())["head"]
    resealed(copy)
    assert verify(ArchivedRecord(copy)).difference is None
    for changes, said in (
        ({"chain": "0" * 64}, "The chain of the log up to "),
        ({"cursor": "9999999999999-0"}, "The log ends at "),
    ):
        resealed(copy, head=head | changes)
        unlike = verify(ArchivedRecord(copy)).difference
        assert unlike is not None
        assert unlike.sentence.startswith(said)
        with pytest.raises(ArchiveError, match=f"the head in it is not the one of its segments. {said}"):
            verify_archive(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"head": None},
        {"place": "{}"},
        {"head": {"cursor": "yesterday", "chain": "0" * 64}},
        {"head": {"cursor": "99999999999999999999-0", "chain": "0" * 64}},
        {"head": {"cursor": "5-0", "chain": "x"}},
        {"head": {"cursor": "5-0", "chain": "0" * 64, "more": 1}},
    ],
    ids=["neither head nor state", "both", "no ID", "too large an ID", "no chain", "more"],
)
def test_a_listing_that_no_copy_has_is_refused(copy: Path, changes: dict[str, object]) -> None:
    resealed(copy, **changes)
    with pytest.raises(ArchiveError, match=r"archive.json: this file is damaged"):
        ArchivedRecord(copy)
