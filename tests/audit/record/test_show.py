"""The timeline: every entry on record with a sentence, in order, and of it what was asked for."""

import csv
import json
from io import StringIO

import pytest

from portfold.coordinator.audit.record.columns import Row
from portfold.coordinator.audit.record.moment import Exchange, MomentError, read_moment
from portfold.coordinator.audit.record.span import Span
from portfold.coordinator.audit.record.timeline import Item, Wanted, timeline
from portfold.coordinator.audit.record.timeline_lines import (
    COLUMNS,
    csv_header,
    csv_row,
    json_line,
    text_line,
)
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.audit.in_memory import InMemory, realistic
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import MINUTE, SECOND, chicago

NONE_LOOKS = Wanted()


def shown(
    record: InMemory, wanted: Wanted = NONE_LOOKS, since: str | None = None, until: str | None = None
) -> list[Item]:
    first, last = (read_moment(text) if text is not None else None for text in (since, until))
    return list(timeline(record, Span(record, first, last), wanted, lambda _: None))


def traded() -> WrittenDown:
    """A fill and a close at 10:00, a stop at 10:05, and the day after it."""
    story = WrittenDown()
    story.enters("ES", "CL")
    story.closes("ES", "-100")
    story.ms += 5 * MINUTE
    story.closes("CL", "-2500")
    story.asks("6A")
    story.at(chicago(2025, 1, 15, 17))
    story.hears_last_again()
    return story


def test_every_entry_of_both_streams_is_there_once_in_order() -> None:
    record = realistic(200)
    items = shown(record)
    rows = [item.row for item in items]
    assert rows == [Row(*entry) for recorded in record.all for entry in (recorded.event, *recorded.decisions)]
    assert [item.event for item in items] == [
        recorded.event.id for recorded in record.all for _ in (recorded.event, *recorded.decisions)
    ]
    assert all(item.text for item in items)


def test_each_is_told_in_a_sentence() -> None:
    texts = [item.text for item in shown(InMemory(traded().log))]
    assert texts[2:8] == [
        "Worker started: ibs-ES | Symbols: none",
        "ES entry requested: long 1 by ibs-ES",
        "ES entry allowed: long 1 | Slots: 1/4 | ibs-ES",
        "Opened: ES long 1 @ 100 | ibs-ES | Open positions: 1/4",
        "Worker started: ibs-CL | Symbols: none",
        "CL entry requested: long 1 by ibs-CL",
    ]
    assert texts[-1] == "Time passed"


def test_what_changed_nothing_is_told_as_that() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.marks("CL", "5")
    story.fills("ES", fill="f1")
    story.hears_last_again()
    texts = [item.text for item in shown(InMemory(story.log))]
    assert "Refused: symbol=CL side=long price=100 unrealized=5" in texts
    assert texts[-1] == "Published again: symbol=ES side=long size=1 price=100 fill=f1"


def test_garbage_is_told_without_steering_a_terminal() -> None:
    record = realistic(160)
    texts = [item.text for item in shown(record)]
    assert "Not an event: \\udced\\udcb3\\udcbf\\u0000\\u000a\\u001b[2J" not in texts
    assert "Not an event: \\udcff\\udcfe=\\udced\\udcb3\\udcbf\\u0000\\u000a\\u001b[2J" in texts
    lines = [form(item) for item in shown(record) for form in (text_line, json_line, csv_row)]
    assert all(line.isprintable() for line in lines)


def test_a_decision_on_record_is_told_whatever_the_rules_say() -> None:
    record = InMemory(traded().log)
    [decision] = record.all[2].decisions
    record.all[2].decisions[0] = Entry(decision.id, ["type", "EntryMaybe", "symbol", "ES"])
    assert "Not a decision: symbol=ES" in [item.text for item in shown(record)]


# --- filters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        (
            Wanted(symbols=frozenset(["ES"])),
            ["EntryRequested", "EntryAllowed", "PositionOpened", "PositionClosed"],
        ),
        (
            Wanted(workers=frozenset(["ibs-6A"])),
            ["EntryRequested", "EntryDenied"],
        ),
        (Wanted(types=frozenset(["StopLossTriggered", "EntryDenied"])), ["StopLossTriggered", "EntryDenied"]),
        (
            Wanted(symbols=frozenset(["ES", "CL"]), types=frozenset(["PositionClosed"])),
            ["PositionClosed"] * 2,
        ),
        (Wanted(symbols=frozenset(["ES"]), workers=frozenset(["ibs-CL"])), []),
    ],
)
def test_only_what_is_wanted_is_shown(wanted: Wanted, types: list[str]) -> None:
    found = shown(InMemory(traded().log), wanted)
    assert [item.row.fields[1] for item in found] == types


def test_a_decision_that_lists_a_position_is_about_it() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.asks("6A")
    story.flatten()
    record = InMemory(story.log)
    flatten = frozenset(["FlattenOrdered"])
    for symbols, workers, expected in (
        (["ES"], [], 1),
        (["6A"], [], 1),
        (["PL"], [], 0),
        (["ES"], ["ibs-ES"], 1),
        (["ES"], ["ibs-CL"], 0),
    ):
        wanted = Wanted(frozenset(symbols), frozenset(workers), flatten)
        assert len(shown(record, wanted)) == expected


# --- time -----------------------------------------------------------------------------------------------


def times(items: list[Item]) -> set[str]:
    return {f"{item.exchange.local(item.row.id.ms):%a %H:%M}" for item in items}


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, {"Wed 10:00", "Wed 10:05", "Wed 17:00"}),
        ("2025-01-15T10:05", None, {"Wed 10:05", "Wed 17:00"}),
        ("10:05", None, {"Wed 10:05", "Wed 17:00"}),
        ("10:00", "10:05", {"Wed 10:00"}),
        ("10:00", "10:05:01", {"Wed 10:00", "Wed 10:05"}),
        ("2025-01-15", "2025-01-15", {"Wed 10:00", "Wed 10:05"}),
        ("2025-01-16", None, {"Wed 17:00"}),
        ("2025-01-15", "10:03", {"Wed 10:00"}),
        ("2025-01-15T16:05:00Z", None, {"Wed 10:05", "Wed 17:00"}),
        (None, "2025-01-14", set()),
        ("2025-01-17", None, set()),
    ],
)
def test_a_stretch_is_in_the_exchanges_time(since: str | None, until: str | None, expected: set[str]) -> None:
    assert times(shown(InMemory(traded().log), since=since, until=until)) == expected


def test_events_bound_a_stretch_and_both_belong_to_it() -> None:
    record = InMemory(traded().log)
    first, last = record.all[3].event.id, record.all[5].event.id
    found = shown(record, since=str(first), until=str(last))
    assert [item.row.id for item in found if item.table == "events"] == [
        one.event.id for one in record.all[3:6]
    ]


def test_a_stretch_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(MomentError, match="ends after it begins"):
        shown(InMemory(traded().log), since="10:05", until="10:00")


def test_before_the_first_limits_the_clock_is_theirs() -> None:
    story = traded()
    earlier = StreamId(story.log[0][0].ms - 1, 0)
    record = InMemory([(earlier, ["type", "ClockTicked"]), *story.log])
    assert shown(record)[0].exchange == Exchange("America/Chicago", "17:00")
    assert [item.row.id for item in shown(record, until="09:59:59.999")] == [earlier]
    assert times(shown(record, since="10:00", until="10:00:00")) == {"Wed 10:00"}


def test_other_limits_with_another_zone_move_the_clock_for_what_comes_after_them() -> None:
    story = WrittenDown()
    story.ms += MINUTE
    story.change_limits(zone="America/New_York")
    story.after(SECOND)
    found = shown(InMemory(story.log), since="2025-01-15T11:01:00", until="2025-01-15T11:02:00")
    assert [item.row.fields[1] for item in found] == ["ClockTicked"]


# --- lines ----------------------------------------------------------------------------------------------


def test_a_line_for_people_has_the_exchanges_time_the_id_and_the_type() -> None:
    lines = [text_line(item) for item in shown(InMemory(traded().log), Wanted(frozenset(["6A"])))]
    asked, denied = lines
    assert asked == (
        "2025-01-15 10:05:00.009-06:00  1736957100009-0    EntryRequested         "
        "6A entry requested: long 1 by ibs-6A"
    )
    assert denied.startswith(
        "2025-01-15 10:05:00.009-06:00  1736957100009-0      → EntryDenied        ⛔ 6A ENTRY BLOCKED BY "
    )


def test_a_line_of_json_has_the_columns_the_sentence_and_all_fields() -> None:
    record = realistic(160)
    for item in shown(record):
        found = json.loads(json_line(item))
        assert (found["id"], found["event"]) == (str(item.row.id), str(item.event))
        assert found["stream"] == item.table.removesuffix("s")
        assert (found["fields"], found["text"]) == (item.row.fields, item.text)
    closed = next(item for item in shown(record) if item.row.fields[1] == "PositionClosed")
    assert isinstance(json.loads(json_line(closed))["pnl"], float)


def test_lines_of_csv_are_read_by_any_reader() -> None:
    record = realistic(160)
    items = shown(record)
    text = "\n".join([csv_header(), *map(csv_row, items)])
    header, *rows = csv.reader(StringIO(text))
    assert tuple(header) == COLUMNS
    assert [row[0] for row in rows] == [str(item.row.id) for item in items]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
