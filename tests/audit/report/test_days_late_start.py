"""A day of an archive is read from a state kept before its week: the same day as from the first event."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portfold.coordinator.audit.record.record import ArchivedRecord
from portfold.coordinator.audit.report.days import Asked, Gathered, gather
from portfold.coordinator.store.archive import Archive
from portfold.events.stream_id import ORIGIN
from portfold.research.report.page import report_html
from tests.audit.in_memory import InMemory
from tests.audit.record.forging import write_archive
from tests.audit.report.test_days import three_weeks
from tests.audit.told import Told
from tests.coordinator.story import DAY, chicago

DAYS = ["2025-01-15", "2025-01-17", "2025-01-20", "2025-01-24", "2025-01-27", "2025-01-30", "2025-01-31"]


def archived(record: InMemory, folder: Path, each: int = 1) -> ArchivedRecord:
    """The record in an archive, with a state kept after almost every event."""
    write_archive(folder, record, each)
    return ArchivedRecord(folder)


def alike(one: Gathered, other: Gathered) -> bool:
    """Whether both hold the same days, and end alike."""
    return (one.accounts, one.ended, one.difference) == (other.accounts, other.ended, other.difference)


def stopped_over_a_weekend() -> Told:
    """A stop of a Friday that is flat only on Monday, then a week with another on its Wednesday."""
    story = Told(chicago(2025, 1, 10, 11))
    story.enters("ES")
    story.closes("ES", "5")
    story.ms = chicago(2025, 1, 17, 11)
    story.enters("ES")
    story.marks("ES", "-5000")
    story.ms = chicago(2025, 1, 20, 11)
    story.closes("ES", "-5000")
    for day, made in enumerate(["1", "-5000", "3", "4"]):
        story.ms = chicago(2025, 1, 21, 11) + day * DAY
        story.enters("CL")
        story.closes("CL", made)
    return story


@pytest.mark.parametrize("told", [three_weeks, stopped_over_a_weekend])
def test_it_is_the_day_that_it_is_from_the_first_event(tmp_path: Path, told: Callable[[], Told]) -> None:
    whole = told().record
    kept = archived(whole, tmp_path)
    spans = [Asked(day, day) for day in DAYS]
    weeks = [
        Asked("2025-01-20", "2025-01-24"),
        Asked("2025-01-27"),
        Asked(latest="week"),
        Asked(latest="day"),
    ]
    for asked in (*spans, *weeks, Asked(), Asked(last="2025-01-17"), Asked("2025-01-18", "2025-01-19")):
        whole.cursor, whole.chain = kept.cursor, kept.chain
        whole.all = list(kept.recorded())
        assert alike(gather(kept, asked), gather(whole, asked)), asked


def test_what_lies_before_its_week_is_not_read(tmp_path: Path) -> None:
    kept = archived(three_weeks().record, tmp_path)
    for segment in Archive.open(tmp_path).segments[:8]:
        (tmp_path / segment.file).unlink()
    for asked in (Asked("2025-01-28", "2025-01-28"), Asked(latest="day"), Asked("2025-01-31", "2025-01-31")):
        found = gather(kept, asked)
        assert [account.day for account in found.accounts] == [asked.first or "2025-01-31"]
        assert found.begins > ORIGIN
        assert found.events < sum(segment.events for segment in kept.archive.segments)


def test_where_there_is_no_such_day_it_is_said_which_there_are(tmp_path: Path) -> None:
    kept = archived(three_weeks().record, tmp_path)
    found = gather(kept, Asked("2026-01-05", "2026-01-09"))
    assert (found.accounts, found.first_day, found.ended) == ([], "2025-01-15", True)


def test_it_does_not_begin_where_something_is_being_flattened(tmp_path: Path) -> None:
    """Of the stop of that Friday the steps are told that came before the week that is asked for."""
    [account] = gather(
        archived(stopped_over_a_weekend().record, tmp_path), Asked("2025-01-20", "2025-01-20")
    ).accounts
    assert [step.kind for step in account.flattenings[0].steps][:1] == ["triggered"]
    assert account.flattenings[0].steps[-1].kind == "flat"


def test_the_page_says_from_where_on_it_was_decided_again(tmp_path: Path) -> None:
    found = gather(archived(three_weeks().record, tmp_path), Asked("2025-01-31", "2025-01-31"))
    html = report_html(found, portfolio="main", read_from="an archive", week=False, version="1")
    assert f"decided again from the state kept at event {found.begins}, up to event" in html
