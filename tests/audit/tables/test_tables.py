"""Tables hold all of the log, whatever somebody wrote into it, and the same log gives the same bytes."""

import csv
import json
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.audit.evidence.copying import copy_record
from portfold.coordinator.audit.record.columns import COLUMNS, TABLES, Row, Table, all_cells
from portfold.coordinator.audit.record.line_tables import LINE_FORMATS
from portfold.coordinator.audit.record.new_folder import NotWritten
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord
from portfold.coordinator.audit.tables.parquet_tables import parquet
from portfold.coordinator.audit.tables.table_files import FORMATS, Format
from portfold.coordinator.audit.tables.writing import write_tables
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past, contents
from tests.audit.in_memory import InMemory, realistic

words = st.one_of(
    st.binary(max_size=20), st.text(max_size=20).map(lambda text: text.encode(errors="replace"))
).map(lambda word: word.decode("utf-8", "surrogateescape"))
names = st.one_of(
    words, st.sampled_from(["type", "symbol", "size", "price", "event", "chain", "id", "fields"])
)
values = st.one_of(words, st.sampled_from(["1", "-37.63", "007", "1e3", "=1+1", "9" * 19, "9" * 30, "-0"]))
entries = st.lists(st.tuples(names, values), max_size=4).map(
    lambda pairs: [word for pair in pairs for word in pair]
)
ids = st.builds(StreamId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
tables = st.sampled_from(TABLES)


def line(form: str, table: Table, row: Row) -> bytes:
    return LINE_FORMATS[form].line(COLUMNS[table], all_cells(table, row))


def parquet_of(table: Table, rows: list[Row]) -> bytes:
    return parquet(COLUMNS[table], [all_cells(table, row) for row in rows])


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_log_gives_the_same_bytes_wherever_it_lies(past: Past, tmp_path: Path, form: Format) -> None:
    past.happens(300)
    write_tables(LiveRecord(past.bus), tmp_path / "from the server", form)
    archive_history(past.bus, tmp_path / "archive", Keep(events=20), segment_events=70)
    write_tables(LiveRecord(past.bus, tmp_path / "archive"), tmp_path / "across", form)
    copy_record(LiveRecord(past.bus, tmp_path / "archive"), tmp_path / "copy")
    write_tables(ArchivedRecord(tmp_path / "copy"), tmp_path / "from the copy", form)
    expected = contents(tmp_path / "from the server")
    assert contents(tmp_path / "across") == contents(tmp_path / "from the copy") == expected


def test_all_formats_have_a_row_for_each_event_and_each_decision_with_all_its_fields(tmp_path: Path) -> None:
    record = realistic(200)
    for form in FORMATS:
        write_tables(record, tmp_path / form, form)
    entries: dict[Table, list[Entry]] = {
        "events": [one.event for one in record.all],
        "decisions": [decision for one in record.all for decision in one.decisions],
    }
    for table in TABLES:
        lines = (tmp_path / "jsonl" / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        with (tmp_path / "csv" / f"{table}.csv").open(newline="", encoding="utf-8") as rows:
            as_csv = [(row["id"], json.loads(row["fields"])) for row in csv.DictReader(rows)]
        as_json = [(row["id"], row["fields"]) for row in map(json.loads, lines)]
        frame = polars.read_parquet(tmp_path / "parquet" / f"{table}-000001.parquet")
        as_parquet = [(row["id"], json.loads(row["fields"])) for row in frame.to_dicts()]
        assert as_json == as_csv == as_parquet == [(str(at), fields) for at, fields in entries[table]]


@given(tables, ids, entries)
def test_whatever_can_lie_in_a_stream_has_a_line_of_its_own_and_is_all_in_it(
    table: Table, at: StreamId, fields: list[str]
) -> None:
    row = Row(at, fields, "c" * 64 if table == "events" else "")
    as_json, as_csv = (line(form, table, row) for form in ("jsonl", "csv"))
    assert [as_json.count(b"\n"), as_csv.count(b"\n")] == [1, 1]
    found = json.loads(as_json)
    assert (found["id"], found["fields"]) == (str(at), fields)
    [cells] = csv.reader([as_csv.decode()])
    assert (cells[0], json.loads(cells[-1])) == (str(at), fields)


@given(tables, st.lists(st.tuples(ids, entries), max_size=5))
def test_whatever_can_lie_in_a_stream_is_all_in_parquet(
    table: Table, lying: list[tuple[StreamId, list[str]]]
) -> None:
    rows = [Row(at, fields, "c" * 64 if table == "events" else "") for at, fields in lying]
    found = polars.read_parquet(BytesIO(parquet_of(table, rows))).to_dicts()
    assert [(row["id"], json.loads(row["fields"])) for row in found] == [
        (str(at), fields) for at, fields in lying
    ]


# --- what a person or another program sees --------------------------------------------------------------

FILLED = Row(
    StreamId(1736951527123, 4),
    ["type", "PositionOpened", "worker", "ibs-ES", "symbol", "ES", "size", "2", "price", "-37.63", "x", "y"],
    "c" * 64,
)


def test_json_lines_hold_numbers_as_numbers_and_all_fields_in_turn() -> None:
    assert json.loads(line("jsonl", "events", FILLED)) == {
        "id": "1736951527123-4",
        "time": "2025-01-15T14:32:07.123Z",
        "type": "PositionOpened",
        "worker": "ibs-ES",
        "symbol": "ES",
        "size": 2,
        "price": -37.63,
        "chain": "c" * 64,
        "fields": FILLED.fields,
    }


def test_every_column_is_documented() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")
    assert [name for table in TABLES for name in COLUMNS[table] if f"`{name}`" not in documented] == []


def test_csv_has_a_column_for_each_and_the_fields_as_json(folder: Path) -> None:
    write_tables(realistic(120), folder, "csv")
    for table in TABLES:
        with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as lines:
            header, *rows = csv.reader(lines)
        assert tuple(header) == tuple(COLUMNS[table])
        assert {len(row) for row in rows} == {len(header)}
        assert all(isinstance(json.loads(row[-1]), list) for row in rows)


@pytest.mark.parametrize("reason", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1"])
def test_a_spreadsheet_does_not_compute_what_somebody_wrote(reason: str) -> None:
    row = Row(StreamId(5, 0), ["type", "TradingHalted", "reason", reason], "c" * 64)
    [cells] = csv.reader([line("csv", "events", row).decode()])
    assert cells[list(COLUMNS["events"]).index("reason")] == f"'{reason}"
    assert json.loads(cells[-1])[-1] == reason


def test_parquet_has_times_and_numbers() -> None:
    [row] = polars.read_parquet(parquet_of("events", [FILLED])).to_dicts()
    assert row["time"] == datetime(2025, 1, 15, 14, 32, 7, 123_000, UTC)
    assert (row["size"], row["price"], row["pnl"]) == (2, -37.63, None)
    assert json.loads(row["fields"]) == FILLED.fields


@pytest.mark.parametrize(
    ("ms", "time"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, None),
        (2**64 - 1, None),
    ],
)
def test_a_time_beyond_the_calendar_is_left_out(ms: int, time: str | None) -> None:
    made = line("jsonl", "events", Row(StreamId(ms, 0), ["a", "b"], "c" * 64))
    assert json.loads(made).get("time") == time


def test_text_that_may_not_be_shown_is_escaped_in_its_column_and_whole_in_the_fields() -> None:
    fields = ["type", "Trading\udc80Halted", "reason", "a\nb\N{RIGHT-TO-LEFT OVERRIDE}\N{TAG SPACE}c"]
    found = json.loads(line("jsonl", "events", Row(StreamId(5, 0), fields, "c" * 64)))
    assert found["type"] == "Trading\\udc80Halted"
    assert found["reason"] == "a\\u000ab\\u202e\\udb40\\udc20c"
    assert found["fields"] == fields


def test_it_tells_how_many_rows_are_in_which_files(folder: Path) -> None:
    record = realistic(200)
    written = write_tables(record, folder, "jsonl")
    assert (written.events, written.decisions) == (200, sum(len(one.decisions) for one in record.all))
    assert written.files == ("events.jsonl", "decisions.jsonl", "trades.jsonl", "days.jsonl")
    assert sorted(contents(folder)) == sorted(written.files)


# --- where it goes --------------------------------------------------------------------------------------


def test_nothing_is_overwritten(folder: Path) -> None:
    write_tables(realistic(20), folder, "jsonl")
    before = contents(folder)
    with pytest.raises(NotWritten, match="is not empty"):
        write_tables(realistic(20), folder, "csv")
    assert contents(folder) == before


def test_an_empty_folder_will_do_and_a_file_will_not(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    write_tables(realistic(20), folder, "jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="file cannot be written: "):
        write_tables(realistic(20), tmp_path / "file", "jsonl")
    with pytest.raises(NotWritten, match="cannot be written: Not a directory"):
        write_tables(realistic(20), tmp_path / "file" / "below", "jsonl")


class Interrupted(InMemory):
    """Ctrl-C comes while it is read."""

    def recorded(self) -> Iterator[Recorded]:
        yield from self.all[:50]
        raise KeyboardInterrupt


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("there", [False, True])
def test_what_is_interrupted_leaves_nothing_behind(folder: Path, form: Format, *, there: bool) -> None:
    if there:
        folder.mkdir()
    record = Interrupted((one.event.id, one.event.fields) for one in realistic(60).all)
    with pytest.raises(KeyboardInterrupt):
        write_tables(record, folder, form)
    assert folder.exists() == there
    assert not there or list(folder.iterdir()) == []


def test_a_record_that_no_stream_can_hold_is_refused(folder: Path) -> None:
    record = realistic(60)
    record.all[3], record.all[4] = record.all[4], record.all[3]
    with pytest.raises(Exception, match="no stream has them in this order"):
        write_tables(record, folder, "jsonl")
    assert not folder.exists()


class Endless(InMemory):
    """A log of one event over and over, made while it is read."""

    def __init__(self, count: int) -> None:
        super().__init__([])
        self._count = count

    def recorded(self) -> Iterator[Recorded]:
        fields = ["type", "PositionMarked", "worker", "ibs-ES", "price", "5000.25", "filler", "x" * 400]
        for number in range(1, self._count + 1):
            yield Recorded(Entry(StreamId(number, 0), fields), [Entry(StreamId(number, 0), fields)])


def most_memory(count: int, folder: Path, form: Format) -> int:
    """Bytes, at most, while so many events are written."""
    tracemalloc.start()
    write_tables(Endless(count), folder, form)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_memory_does_not_grow_with_the_log(tmp_path: Path, form: Format) -> None:
    most_memory(1_500, tmp_path / "first", form)  # what remembers the latest texts is full from here on
    few = most_memory(500, tmp_path / "few", form)
    many = most_memory(5_000, tmp_path / "many", form)
    assert (tmp_path / "many" / f"events.{form}").stat().st_size > 5 * few
    assert many < few + 200_000


def test_parquet_is_written_in_files_of_a_bounded_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.coordinator.audit.tables.table_files.ROWS_A_FILE", 64)
    record = realistic(200)
    write_tables(record, folder, "parquet")
    names = sorted(path.name for path in folder.glob("events-*.parquet"))
    assert names == [f"events-{number:06}.parquet" for number in (1, 2, 3, 4)]
    assert polars.read_parquet(folder / "events-*.parquet").height == 200


def test_without_the_extra_parquet_is_refused_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(Exception, match=r"Parquet needs polars, which is not installed: \S+pip install -e '"):
        write_tables(realistic(20), folder, "parquet")
    assert not folder.exists()


def test_a_record_without_events_has_tables_without_rows(folder: Path) -> None:
    assert write_tables(InMemory([]), folder, "csv").events == 0
    assert (folder / "events.csv").read_bytes() == LINE_FORMATS["csv"].header(COLUMNS["events"])
