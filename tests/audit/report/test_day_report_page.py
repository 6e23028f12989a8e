"""The report as a page: a stranger's words, nothing from elsewhere, and what a browser makes of it."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import plotly.graph_objects  # type: ignore[import-untyped]  # the package carries no types
import pytest

from portfold.events.incoming import EntryRequested, Malformed, PositionClosed, PositionOpened, TradingHalted
from portfold.research.report.day_chart import day_chart
from portfold.research.report.days_chart import days_chart
from portfold.research.report.shell import figure
from tests.audit.browser import Seen, in_a_browser, opened
from tests.audit.pages import HOSTILE, Elements, texts_of
from tests.audit.report.bad_week import bad_monday, bad_week, html_of
from tests.audit.told import Told
from tests.coordinator.story import MINUTE, limits

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
