"""What an earlier version exported is read; whatever happens to it is found, and the file and line are named.

The exports in `earlier/`, one of each format and all of the same log, were written by that version.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.evidence.earlier_export import LISTING, EarlierExport, ExportDamaged
from portfold.coordinator.audit.record.columns import COLUMNS, Row, Table, all_cells
from portfold.coordinator.audit.record.line_tables import LINE_FORMATS
from portfold.coordinator.audit.record.record import ArchivedRecord, RecordError
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.audit.record.walk import Walk
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.audit.tables.writing import write_tables
from tests.archive.past import contents
from tests.audit.in_memory import realistic

EARLIER = Path(__file__).with_name("earlier")
CHAIN = "aeeee48f3100956237a01df26fe355f8315cd307055b24d550eea503b05705c1"
FLIPS = 500
DECIDED_OTHERWISE = re.compile(r"(Event|Decision) [0-9]+-[0-9]+")
"""How a difference begins that deciding again found: a decision's own ID is not in the chain."""


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A copy of the exports, to do something to."""
    return Path(shutil.copytree(EARLIER, tmp_path / "exports"))


def fault(folder: Path) -> str:
    """What reading all of it, and deciding it again, finds; nothing when all is as it was."""
    try:
        unlike = verify(EarlierExport(folder)).difference
    except (ExportDamaged, RecordError) as found:
        return str(found).replace(f"{folder}/", "")
    return unlike.sentence if unlike is not None else ""


def test_it_is_read_as_the_log_that_it_was_made_of() -> None:
    read = [EarlierExport(EARLIER / form) for form in FORMATS]
    first, *others = [list(record.recorded()) for record in read]
    assert others == [first, first]
    assert {(record.portfolio, record.events, record.chain) for record in read} == {("main", 80, CHAIN)}
    assert len(first) == 80
    assert ["\udcff\udcfe", "\udced\udcb3\udcbf\x00\n\x1b[2J"] in [event.fields for event, _ in first]


@pytest.mark.parametrize("form", FORMATS)
def test_a_copy_of_it_is_an_archive_of_the_same_log(tmp_path: Path, form: Format) -> None:
    export = EarlierExport(EARLIER / form)
    copy_record(export, tmp_path / "copy")
    copy = ArchivedRecord(tmp_path / "copy")
    assert list(copy.recorded()) == list(export.recorded())
    assert (copy.portfolio, copy.cursor, copy.chain) == (export.portfolio, export.cursor, export.chain)


def test_what_was_not_touched_has_no_fault(exports: Path) -> None:
    assert [fault(exports / form) for form in FORMATS] == ["", "", ""]


def flips(exports: Path) -> Iterator[tuple[Path, int, int]]:
    """Random bytes of random files: where, and what stands there instead."""
    random = Random(20)
    files = sorted(path for path in exports.rglob("*") if path.is_file())
    for _ in range(FLIPS):
        path = random.choice(files)
        yield path, random.randrange(path.stat().st_size), random.randrange(1, 256)


def test_one_flipped_byte_anywhere_is_found_and_the_place_named(exports: Path) -> None:
    whole = {path: path.read_bytes() for path in exports.rglob("*") if path.is_file()}
    for path, at, how in flips(exports):
        flipped = bytearray(whole[path])
        flipped[at] ^= how
        path.write_bytes(flipped)
        said = fault(path.parent)
        file_or_entry = said.partition(":")[0] in contents(path.parent) or DECIDED_OTHERWISE.match(said)
        assert file_or_entry, f"byte {at} of {path}, {how:#x}: {said!r}"
        assert path.name != LISTING or said.startswith(LISTING)
        path.write_bytes(whole[path])
    assert [fault(exports / form) for form in FORMATS] == ["", "", ""]


# --- lines ----------------------------------------------------------------------------------------------

Change = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(params=["jsonl", "csv"])
def lines(request: pytest.FixtureRequest, exports: Path) -> "Lines":
    return Lines(exports / request.param, request.param)


class Lines:
    """An export of lines, and what is done to them."""

    def __init__(self, folder: Path, form: Format) -> None:
        self.folder, self.form = folder, form

    def number_of(self, table: Table, nth: int) -> int:
        """The number of the line of its row `nth`, from 0."""
        return nth + (2 if LINE_FORMATS[self.form].header(COLUMNS[table]) else 1)

    def made(self, table: Table, row: Row) -> bytes:
        """The line of the row."""
        return LINE_FORMATS[self.form].line(COLUMNS[table], all_cells(table, row))

    def row(self, table: Table, nth: int) -> Row:
        """Its row `nth`, from 0."""
        walk, rows = Walk(), list[Row]()
        for recorded in EarlierExport(self.folder).recorded():
            walk.past(recorded)
            made_on_it = [Row(*decision) for decision in recorded.decisions]
            rows += made_on_it if table == "decisions" else [Row(*recorded.event, walk.chain)]
        return rows[nth]

    def changed(self, table: Table, change: Change) -> str:
        """What is said after the rows of a table were changed."""
        path = self.folder / f"{table}.{self.form}"
        lines, headers = path.read_bytes().splitlines(keepends=True), self.number_of(table, 0) - 1
        path.write_bytes(b"".join([*lines[:headers], *change(lines[headers:])]))
        return fault(self.folder)

    def decided(self, nth: int) -> int:
        """The row of the event that the decision `nth` was made on."""
        record = EarlierExport(self.folder)
        found = 0
        for number, recorded in enumerate(record.recorded()):
            found += len(recorded.decisions)
            if found > nth:
                return number
        raise AssertionError(f"no decision {nth}")


def swapped(rows: list[bytes]) -> list[bytes]:
    return [*rows[:5], rows[6], rows[5], *rows[7:]]


def without(nth: int) -> Change:
    return lambda rows: rows[:nth] + rows[nth + 1 :]


def test_a_column_that_does_not_follow_from_the_fields_is_named(lines: Lines) -> None:
    said = lines.changed("events", lambda rows: [*rows[:9], rows[9].replace(b"ibs-", b"ibS-", 1), *rows[10:]])
    number = lines.number_of("events", 9)
    assert said == (
        f"events.{lines.form}: line {number}: its columns do not follow from its fields: one of them was "
        "altered."
    )


def test_an_entry_changed_with_all_its_columns_breaks_the_chain_at_its_line(lines: Lines) -> None:
    said = lines.changed("events", lambda rows: [*rows[:9], rows[9].replace(b"ibs-", b"ibS-"), *rows[10:]])
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 9)}: event ")
    assert said.endswith(" is not as it was exported: the chain over it differs.")


def test_a_changed_decision_breaks_the_chain_at_its_event_and_both_places_are_named(lines: Lines) -> None:
    path = lines.folder / f"decisions.{lines.form}"
    nth = next(at for at, line in enumerate(path.read_text().splitlines()) if "EntryAllowed" in line)
    nth -= lines.number_of("decisions", 0) - 1
    event = lines.decided(nth)

    def change(rows: list[bytes]) -> list[bytes]:
        return [*rows[:nth], rows[nth].replace(b"EntryAllowed", b"EntryDenied"), *rows[nth + 1 :]]

    said = lines.changed("decisions", change)
    place = f"{path.name}, line {lines.number_of('decisions', nth)}"
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', event)}: event ")
    assert f", or a decision of it ({place} on), is not as it was exported" in said


def test_swapped_events_break_the_chain_at_the_first_of_them(lines: Lines) -> None:
    said = lines.changed("events", swapped)
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 5)}: event ")


def test_swapped_decisions_break_the_chain_at_the_event_that_the_first_is_of(lines: Lines) -> None:
    event = lines.decided(5)
    said = lines.changed("decisions", swapped)
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', event)}: event ")


def test_a_row_given_twice_is_out_of_order(lines: Lines) -> None:
    said = lines.changed("events", lambda rows: [*rows[:5], rows[4], *rows[5:]])
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 5)}: ")
    assert said.endswith(", out of order.")


def test_a_removed_event_shows_at_the_one_after_it(lines: Lines) -> None:
    said = lines.changed("events", without(7))
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 7)}: event ")


def test_a_removed_decision_shows_at_its_event(lines: Lines) -> None:
    event = lines.decided(3)
    said = lines.changed("decisions", without(3))
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', event)}: event ")


def test_an_inserted_event_shows_where_it_stands(lines: Lines) -> None:
    def insert(rows: list[bytes]) -> list[bytes]:
        row = lines.row("events", 7)
        forged = row._replace(id=row.id._replace(seq=row.id.seq + 1))
        return [*rows[:8], lines.made("events", forged), *rows[8:]]

    said = lines.changed("events", insert)
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 8)}: event ")


@pytest.mark.parametrize("rows_left", [0, 1, 79])
def test_events_cut_off_at_the_end_are_missed(lines: Lines, rows_left: int) -> None:
    said = lines.changed("events", lambda rows: rows[:rows_left])
    assert said == f"events.{lines.form}: it has {rows_left} rows where export.json lists 80."


def test_decisions_cut_off_at_the_end_are_missed(lines: Lines) -> None:
    said = lines.changed("decisions", lambda rows: rows[:-1])
    assert re.fullmatch(rf"decisions.{lines.form}: it has \d+ rows where export.json lists \d+.", said)


def test_a_decision_behind_the_last_event_is_one_too_many(lines: Lines) -> None:
    def insert(rows: list[bytes]) -> list[bytes]:
        row = lines.row("decisions", -1)
        forged = row._replace(id=row.id._replace(ms=row.id.ms + 10**9))
        return [*rows, lines.made("decisions", forged)]

    assert lines.changed("decisions", insert).endswith(" comes after the last event's.")


def test_a_line_without_its_end_is_no_line(lines: Lines) -> None:
    said = lines.changed("events", lambda rows: [*rows[:-1], rows[-1][:-1]])
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 79)}: ")


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b"x,y\n", b'"\n', b'{"id":"5-0","fields":[1]}\n', b"\x00\n"]
)
def test_what_is_no_row_is_named(lines: Lines, line: bytes) -> None:
    said = lines.changed("events", lambda rows: [*rows[:3], line, *rows[3:]])
    assert said.startswith(f"events.{lines.form}: line {lines.number_of('events', 3)}: this is no row: ")


def test_other_names_of_columns_are_refused(exports: Path) -> None:
    path = exports / "csv" / "events.csv"
    path.write_bytes(path.read_bytes().replace(b"worker", b"waiter", 1))
    assert fault(exports / "csv") == "events.csv: line 1: these are not the names of the columns."


# --- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_a_missing_file_is_named(exports: Path, form: Format) -> None:
    for name in contents(exports / form):
        (exports / form / name).rename(exports / "aside")
        said = fault(exports / form)
        assert said == f"{name}: this file is missing. Restore it."
        (exports / "aside").rename(exports / form / name)


def test_files_of_another_export_are_not_taken_for_this_ones(exports: Path) -> None:
    write_tables(realistic(80, seed=2), exports / "other", "jsonl")
    for table in ("events", "decisions"):
        shutil.copy(exports / "other" / f"{table}.jsonl", exports / "jsonl")
    assert fault(exports / "jsonl").startswith("decisions.jsonl: ")


def resealed(folder: Path, **changes: object) -> None:
    """Writes export.json with these changes, and with a hash that fits them."""
    listing = json.loads((folder / LISTING).read_text()) | changes | {"sha256": ""}
    bare = json.dumps(listing, separators=(",", ":")).encode()
    listing["sha256"] = hashlib.sha256(bare).hexdigest()
    (folder / LISTING).write_text(json.dumps(listing, indent=1) + "\n")


def test_a_forged_manifest_does_not_lead_past_the_chain(exports: Path) -> None:
    folder = exports / "jsonl"
    resealed(folder)
    assert fault(folder) == ""
    resealed(folder, chain="0" * 64)
    assert re.match(r"The chain of the log up to \S+ is not the head's", fault(folder))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "export.json: its version is 2; this portfold reads 1."),
        (
            {"cursor": "yesterday"},
            "export.json: this file is not as it was written. Restore it.",
        ),
        ({"format": "xml"}, "export.json: this file is not as it was written. Restore it."),
        ({"more": 1}, "export.json: this file is not as it was written. Restore it."),
        (
            {"portfolio": "a b"},
            "export.json: this file is not as it was written. Restore it.",
        ),
        (
            {"chain": "x" * 64},
            "export.json: this file is not as it was written. Restore it.",
        ),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(
    exports: Path, changes: dict[str, object], said: str
) -> None:
    resealed(exports / "jsonl", **changes)
    assert fault(exports / "jsonl") == said


def test_parquet_that_somebody_made_to_add_up_is_held_against_itself(exports: Path) -> None:
    import polars  # noqa: PLC0415 - only here

    folder = exports / "parquet"
    path = folder / "events-000001.parquet"
    frame = polars.read_parquet(path)
    worker = polars.when(polars.col("id") == frame["id"][9]).then(polars.lit("forged"))
    frame.with_columns(worker.otherwise(polars.col("worker")).alias("worker")).write_parquet(path)
    listing = json.loads((folder / LISTING).read_text())
    content = path.read_bytes()
    listing["files"][0] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    resealed(folder, files=listing["files"])
    assert fault(folder) == "events-000001.parquet: row 10: its columns do not follow from its fields."


def test_a_folder_in_the_listings_place_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / LISTING).mkdir()
    assert fault(tmp_path) == "export.json: cannot be read: Is a directory."


@pytest.mark.parametrize("name", [LISTING, "events.jsonl"])
def test_what_is_nested_too_deeply_is_not_as_it_was_written(exports: Path, name: str) -> None:
    (exports / "jsonl" / name).write_text('{"a":' * 50_000 + "\n")
    assert fault(exports / "jsonl").startswith(f"{name}: ")
