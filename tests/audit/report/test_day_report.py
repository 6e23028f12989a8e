"""The report as a file: what it says of a day and of a week."""

import re
from decimal import Decimal

import pytest

from portfold.coordinator.audit.report.days import Asked, gather
from portfold.coordinator.audit.report.warning_signs import signs
from portfold.research.report.headline import headline_text
from portfold.research.report.page import MARK
from portfold.research.report.wording import NOTHING
from tests.audit.pages import Elements
from tests.audit.report.bad_week import MONDAY, bad_monday, bad_week, html_of
from tests.audit.told import ALL, Told
from tests.coordinator.story import DAY, chicago


def test_the_first_things_come_first() -> None:
    said = Elements(html_of(bad_monday().gathered())).said
    facts = [
        "portfolio main Monday 13 January 2025 STOPPED OUT",
        "Fri 10 Jan 17:00 to Mon 13 Jan 17:00, America/Chicago",
        "Daily P&L $-2,639.50 limit $-2,500 at worst 106% of it lost",
        "Stops ▲ 1",
        "flat after 90 ms",
        "Trades 6 2 won, 33%",
        "Entries blocked ▲ 53.8% 7 of 13 denied",
        "Most open 2/4",
        "▲ Loss near the limit",
        "The day",
    ]
    places = [said.index(fact) for fact in facts]
    assert places == sorted(places)


def test_each_loss_stands_beside_the_limit_it_was_measured_by() -> None:
    story = Told()
    story.enters("ES")
    story.marks("ES", "-450")
    story.change_limits(daily_stop_loss=Decimal(500), max_positions=1)
    story.marks("ES", "-400")
    found = story.gathered()
    said = Elements(html_of(found)).said
    assert "limit $-2,500, then $-500 at worst 90% of $-500 lost" in said
    assert "Most open 1/4" in said
    near = next(sign for sign in signs(found.accounts) if sign.code == "near_limit")
    assert near.text == "at worst 90% of the daily limit was lost: $-450.00 of $-500; a sign from 80%"
    assert headline_text(found.accounts).startswith("P&L $-400.00, limit $-2,500, then $-500 a day, no stops")


def test_what_was_never_marked_makes_nobody_knows_what() -> None:
    story = Told()
    story.enters("ES")
    found = story.gathered()
    assert "ES ibs-ES long 1 100 no mark" in Elements(html_of(found)).said
    assert [one.unrealized for one in found.accounts[0].held] == [None]


def test_a_stop_stands_with_every_step_and_its_milliseconds() -> None:
    said = Elements(html_of(bad_monday().gathered())).said
    assert "at $-2,600.00 of $-2,500 2 positions open, flat after 90 ms; allowed were 10,000 ms" in said
    steps = re.findall(r"\+(\d+) ms \S+ (triggered|closed|flat) ", said)
    assert steps == [("0", "triggered"), ("40", "closed"), ("90", "closed"), ("90", "flat")]


def test_tables_limits_and_orders_are_told() -> None:
    said = Elements(html_of(bad_week().gathered(Asked(latest="day")))).said
    assert "SI ibs-SI short 1 100 $12.50" in said
    assert "Closed Symbol Strategy Side Size Entry Exit Held Commission P&L Why" in said
    said = Elements(html_of(bad_monday().gathered())).said
    assert "daily_stop_loss $2,500" in said
    assert "reservation_ms 30 s" in said
    assert "halt ann news" in said
    assert "resume ann calm again" in said
    assert f"NQ $0.00 0 {NOTHING} {NOTHING} {NOTHING} 5 of 5 100.0%" in said
    assert "Total $-2,639.50 6 33% $120.00 $-2,700.00 7 of 13 53.8%" in said


def test_a_week_is_a_summary_and_each_of_its_days() -> None:
    page = Elements(html_of(bad_week().gathered(), week=True))
    assert "Week of Monday 13 January 2025" in page.said
    assert "P&L of 2 days $-2,572.00" in page.said
    assert "Mon 13 Jan $-2,639.50 $-2,639.50 ▲ 106% ▲ 1 6 33% 7 of 13 ▲ 53.8% 2/4" in page.said
    assert "Tue 14 Jan $67.50 $0.00 0% 0 1 100% 0 of 2 0.0% 1/4" in page.said
    assert page.names.count("figure") == len(page.charts) == 3
    assert page.names.count("script") == 2 + 3


def test_many_days_are_folded_away() -> None:
    story = Told(MONDAY)
    for day in range(8):
        story.ms = MONDAY + (day + 2 * (day > 4)) * DAY
        story.enters("ES")
        story.closes("ES", "10")
    assert html_of(story.gathered()).count("<summary>The day</summary>") == 8
    assert html_of(story.gathered(Asked(last="2025-01-21"))).count("<summary>The day</summary>") == 0


def test_a_day_on_which_nothing_happened_says_so() -> None:
    said = Elements(html_of(Told().gathered())).said
    assert "there is nothing to draw" in said
    assert "Nothing was asked for or traded." in said


def test_the_day_under_way_says_how_far_it_goes() -> None:
    story = Told()
    story.enters("ES")
    assert "not over: up to Wed 15 Jan 10:00" in Elements(html_of(story.gathered())).said
    story.at(chicago(2025, 1, 15, 17))
    assert "not over" not in Elements(html_of(story.gathered(Asked(last="2025-01-15")))).said


def test_a_record_that_is_not_what_was_decided_is_told_before_all_signs() -> None:
    record = bad_monday().record
    record.all.pop()
    said = Elements(html_of(gather(record, ALL))).said
    assert f"▲ Not what was decided The record up to {record.all[-1].event.id} does not lead" in said
    assert said.index("▲ Not what was decided") < said.index("More open than allowed")
    assert "decisions as on record" not in said


def test_the_same_log_gives_the_same_file() -> None:
    assert html_of(bad_week().gathered()) == html_of(bad_week().gathered())


def test_a_report_is_known_by_its_beginning() -> None:
    assert MARK in html_of(Told().gathered())[:200]


@pytest.mark.parametrize("far", [253_402_300_799_999, 253_402_300_800_000, 10**15, 2**64 - 1])
@pytest.mark.parametrize("week", [False, True])
def test_an_id_beyond_the_calendar_is_told_at_its_end(far: int, *, week: bool) -> None:
    """Written by hand, such an event breaks no report, neither of its own day nor of an ordinary one."""
    story = Told(MONDAY, zone="Pacific/Kiritimati")
    story.enters("ES")
    story.ms = far
    story.marks("ES", "-2600")
    story.closes("ES", "-2700")
    story.asks("CL")
    said = Elements(html_of(story.gathered(), week=week)).said
    assert "P&L $-2,700.00" in said
