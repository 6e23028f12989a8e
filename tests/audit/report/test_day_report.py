"""The report as a file: what it says, what becomes of a stranger's words, and what a browser makes of it."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import plotly.graph_objects  # type: ignore[import-untyped]  # the package carries no types
import pytest

from portfold.coordinator.audit.report.days import Asked, Gathered, gather
from portfold.coordinator.audit.report.warning_signs import signs
from portfold.events.incoming import EntryRequested, Malformed, PositionClosed, PositionOpened, TradingHalted
from portfold.research.report.day_chart import day_chart
from portfold.research.report.days_chart import days_chart
from portfold.research.report.headline import headline_text
from portfold.research.report.page import MARK, report_html
from portfold.research.report.shell import figure
from portfold.research.report.wording import NOTHING
from tests.audit.browser import Seen, in_a_browser, opened
from tests.audit.pages import HOSTILE, Elements, texts_of
from tests.audit.told import ALL, Told
from tests.coordinator.story import DAY, MINUTE, SECOND, chicago, limits

MONDAY = chicago(2025, 1, 13, 9)


def bad_monday() -> Told:
    """Four trades for 70.50, five requests for what is not traded, a halt; two open, and a stop at -2,600.

    It is flat after 90 ms, at -2,639.50; then come two requests more.
    """
    story = Told(MONDAY)
    for pnl in ("120", "-80", "45.50", "-15"):
        story.ms += 10 * MINUTE
        story.enters("ES")
        story.marks("ES", pnl)
        story.ms += MINUTE
        story.closes("ES", pnl, commission="5")
    for _ in range(5):
        story.asks("NQ")
        story.ms += 5 * MINUTE
    story.halt()
    story.ms += 5 * MINUTE
    story.resume()
    story.enters("CL", "ES")
    story.ms += MINUTE
    story.marks("ES", "-2670.50")
    story.ms += 39
    story.closes("CL", "-10")
    story.ms += 49
    story.closes("ES", "-2700")
    story.ms += SECOND
    story.asks("CL")
    story.asks("ES")
    return story


def bad_week() -> Told:
    """The bad Monday, and a Tuesday with one trade for 55, after which a position stays open."""
    story = bad_monday()
    story.ms = MONDAY + DAY
    story.enters("ES")
    story.closes("ES", "55")
    story.enters("SI", side="short")
    story.marks("SI", "12.50", side="short")
    return story


def html_of(
    found: Gathered, *, portfolio: str = "main", read_from: str = "memory", week: bool = False
) -> str:
    return report_html(found, portfolio=portfolio, read_from=read_from, week=week, version="0.1.0")


# --- what it says ---------------------------------------------------------------------------------------


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
def test_an_id_beyond_the_calendar_is_told_at_its_end(far: int, week: bool) -> None:
    """Written by hand, such an event breaks no report, neither of its own day nor of an ordinary one."""
    story = Told(MONDAY, zone="Pacific/Kiritimati")
    story.enters("ES")
    story.ms = far
    story.marks("ES", "-2600")
    story.closes("ES", "-2700")
    story.asks("CL")
    said = Elements(html_of(story.gathered(), week=week)).said
    assert "P&L $-2,700.00" in said


# --- a stranger's words ---------------------------------------------------------------------------------


def hostile() -> Told:
    """A day on which every free text there is holds what would be HTML."""
    ordered: dict[str, Any] = {"by": HOSTILE[:64], "reason": HOSTILE}
    trade: dict[str, Any] = {"symbol": "ES", "side": "long", "size": 1}
    story = Told(**ordered)
    story.says(EntryRequested, "a", **trade, strategy=HOSTILE)
    story.says(PositionOpened, "a", **trade, price=Decimal(50))
    story.ms += MINUTE
    story.says(
        PositionClosed,
        "a",
        **trade,
        price=Decimal(51),
        commission=Decimal(0),
        pnl=Decimal(50),
        reason=HOSTILE,
    )
    story.hears(TradingHalted(**ordered))
    story.hears(limits(max_positions=3, **ordered))
    story.hears(Malformed(reason="", type=HOSTILE))
    return story


def test_a_strangers_words_stay_words() -> None:
    page = html_of(hostile().gathered(), portfolio=HOSTILE, read_from=HOSTILE)
    found = Elements(page)
    assert found.said.count(HOSTILE) >= 8
    assert "img" not in found.names
    assert found.names.count("script") == 2 + len(found.charts)
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_a_strangers_words_are_no_markup_in_a_chart_either() -> None:
    chart = day_chart(hostile().account())
    texts = texts_of(chart)
    assert any("&lt;img src=x" in text for text in texts)
    assert not [text for text in texts if "<" in text and "<extra>" not in text]


def test_a_chart_cannot_end_the_element_it_is_in() -> None:
    page = figure({"data": [{"name": "</script><!--<script>"}], "layout": {"height": 9}}, "about", "caption")
    assert page.count("<script") == page.count("</script") == 1
    assert Elements(page).charts[0]["data"] == [{"name": "</script><!--<script>"}]


# --- nothing from elsewhere -----------------------------------------------------------------------------


def test_the_page_names_no_other_place() -> None:
    found = Elements(html_of(bad_week().gathered(), week=True))
    named = [value for name, value in found.attributes if name in {"src", "href", "action", "data"}]
    assert named == ["#day-2025-01-13", "#day-2025-01-14"]


def test_the_page_allows_its_own_scripts_and_nothing_else() -> None:
    page = html_of(bad_monday().gathered())
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]{43}=' 'sha256-[\w+/]{43}='", rules["script-src"])
    assert rules["img-src"] == "data: blob:"
    assert sorted(rules) == ["base-uri", "default-src", "form-action", "img-src", "script-src", "style-src"]


@pytest.mark.parametrize("told", [bad_monday, bad_week, hostile])
def test_the_charts_are_what_plotly_knows(told: Callable[[], Told]) -> None:
    """Its Python side refuses a misspelt property, where plotly.js would draw without it."""
    accounts = told().gathered().accounts
    charts = [days_chart(accounts), *(day_chart(one) for one in accounts)]
    for chart in charts:
        known = plotly.graph_objects.Figure(json.loads(re.sub(r'"@\w+"', '"#000"', json.dumps(chart))))
        assert len(known.data) > 0


def test_every_colour_named_is_one_of_the_pages() -> None:
    week = bad_week().gathered()
    charts = [days_chart(week.accounts), *(day_chart(one) for one in week.accounts)]
    named = {text[1:] for text in texts_of(charts) if text.startswith("@")}
    style = html_of(week, week=True).partition("<style>")[2].partition("</style>")[0]
    assert {"ink", "loss", "gain", "paper"} <= named
    assert named <= set(re.findall(r"--(\w+):", style))


# --- in a browser ---------------------------------------------------------------------------------------


def look_at(tmp_path: Path, page: str, *options: str) -> Seen:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    return opened(file, *options)


@in_a_browser
def test_a_day_opens_without_a_word_and_without_the_network(tmp_path: Path) -> None:
    seen = look_at(tmp_path, html_of(bad_monday().gathered()))
    assert (seen.loaded, seen.console, seen.requests) == (True, [], [])
    assert (seen.expected, seen.drawn, seen.overflow) == (1, 1, 0)
    [plot] = seen.plots
    assert plot.traces == [
        *("Daily P&L", "Stop line", "Realized", "Entry", "Exit, won", "Exit, lost", "Stop"),
        *("symbol_not_allowed", "stopped_out", "With reserved", "Open positions", "Position limit"),
    ]
    assert plot.width > 1000
    assert plot.shapes > 20
    for fact in ("$-2,639.50", "limit $-2,500", "STOPPED OUT", "53.8%", "flat after 90 ms", "7 of 13 denied"):
        assert fact in seen.text


@in_a_browser
@pytest.mark.parametrize("options", [["--dark"], ["--width", "390"]], ids=["dark", "narrow"])
def test_a_week_is_drawn_by_night_and_on_a_narrow_window(tmp_path: Path, options: list[str]) -> None:
    seen = look_at(tmp_path, html_of(bad_week().gathered(), week=True), *options)
    assert (seen.loaded, seen.console, seen.requests) == (True, [], [])
    assert (seen.expected, seen.drawn, seen.overflow) == (3, 3, 0)
    assert seen.background == ("rgb(14, 16, 19)" if options == ["--dark"] else "rgb(245, 245, 242)")
    assert all(plot.traces and plot.shapes for plot in seen.plots)
    assert "$-2,572.00" in seen.text


@in_a_browser
def test_it_can_be_printed(tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    seen = look_at(tmp_path, html_of(bad_week().gathered(), week=True), "--dark", "--pdf", str(paper))
    assert (seen.console, seen.requests) == ([], [])
    assert paper.read_bytes().startswith(b"%PDF-")


@in_a_browser
def test_a_strangers_words_run_nothing_in_a_browser(tmp_path: Path) -> None:
    seen = look_at(tmp_path, html_of(hostile().gathered(), portfolio=HOSTILE))
    assert (seen.console, seen.requests, seen.drawn) == ([], [], 1)
    assert "img" not in seen.elements
    assert seen.text.count(HOSTILE) >= 8


@in_a_browser
def test_what_got_through_would_neither_load_nor_run(tmp_path: Path) -> None:
    """The policy holds even if the escaping once did not."""
    planted = (
        "<script>document.body.append('IT RAN')</script>"
        "<img src='http://127.0.0.1:9/seen.png' onerror=\"document.body.append('IT RAN')\">"
    )
    page = html_of(bad_monday().gathered()).replace("</main>", f"{planted}</main>")
    seen = look_at(tmp_path, page)
    assert seen.requests == []
    assert "IT RAN" not in seen.text
    assert len([line for line in seen.console if "Content Security Policy" in line]) >= 2


@in_a_browser
def test_the_browser_would_tell(tmp_path: Path) -> None:
    """What the tests above rely on: a page that does ask for something, and does say something."""
    seen = look_at(
        tmp_path,
        "<!doctype html><p>RAN</p><img src='http://127.0.0.1:9/seen.png'><div style='width:3000px'>wide</div>"
        "<script>console.error('wrong'); console.warn('odd')</script>",
    )
    assert seen.requests == ["http://127.0.0.1:9/seen.png"]
    assert [line.partition(": ")[2] for line in seen.console[:2]] == ["wrong", "odd"]
    assert (seen.expected, seen.text.split()[0]) == (0, "RAN")
    assert seen.overflow > 1000
