"""What the pages show after given events: the truth, escaped."""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    LockoutOrdered,
    PositionClosed,
    PositionOpened,
    WorkerStarted,
)
from tests.cli.dashboard import scene
from tests.cli.dashboard.visitor import Served, served
from tests.cli.dashboard.words import shown
from tests.coordinator.story import DAY, HOUR, MINUTE, WEDNESDAY, limits
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer
from tests.waiting import until


def test_a_portfolio_that_nobody_ever_led_says_so(dashboard: Served) -> None:
    assert "NOTHING TO SHOW No coordinator has ever run" in shown(dashboard.local().gets().text)


def test_what_is_open_and_how_far_the_stop_is(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    led.marks("ES", "-1250", price="4990.25")
    page = shown(dashboard.local().gets().text)
    assert "● TRADING" in page
    assert "$-1,250.00 realized $0.00, open $-1,250.00" in page
    assert "50 % of the way to the stop at $-2,500.00" in page
    assert "ES long 1 ibs-ES @ 5000.25" in page
    assert re.search(r"4990.25, [0-9.]+ m?s ago \$-1,250.00", page), page
    assert re.search(r"daily_stop_loss [^$]+ \$-2,500.00 \$-1,250.00 \$1,250.00", page), page
    assert re.search(r"max_positions [^0-9]+ 4 1 3", page), page
    assert "ibs-ES ES: alive" in page


def test_a_slot_says_how_long_it_lasts(led: Live, dashboard: Served) -> None:
    led.starts("ibs-CL", symbols="CL")
    led.asks("CL", worker="ibs-CL")
    assert "CL long 1 ibs-CL reserved, ends in" in shown(dashboard.local().gets().text)


def test_a_stop_is_said_first_and_in_words(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    led.marks("ES", "-2500", price="4950.25")
    page = shown(dashboard.local().gets().text)
    assert "■ STOPPED OUT" in page
    assert "FLATTENING" in page
    assert "100 % of the way" in page


def test_the_log_is_filtered_and_each_decision_opens_its_why(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    led.starts("ibs-CL", symbols="CL")
    led.asks("CL", worker="ibs-CL")
    led.asks("XX", worker="ibs-CL")
    visitor = dashboard.local()
    page = visitor.gets("log?symbol=ES").text
    assert "ES entry allowed" in page
    assert "CL entry allowed" not in page
    denied = led.decisions()[-1]
    why = visitor.gets(f"why/{denied.id}")
    assert why.status_code == 200
    assert "XX" in shown(why.text)
    assert "entry denied" in shown(why.text) or "ENTRY BLOCKED" in shown(why.text)


def test_how_it_stood_then(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    then = led.events()[-1].id
    led.closes("ES", "125", price="5002.75")
    page = shown(dashboard.local().gets(f"at?time={then}").text)
    assert "AS IT WAS" in page
    assert "ES long 1" in page


NOT_SHOWN = (
    ("at?time=soon", "expected a time such as"),
    ("why/soon", "ID:"),
    ("why/1-1", "There is no event and no decision 1-1"),
    ("days/2025-13-01", "expected a trading day"),
    ("days/..%2f..%2fetc", "Not"),
    ("days/1999-01-04", "There is no trading day 1999-01-04 on record"),
    ("research/7", "There is no such page any more"),
)


def test_what_cannot_be_shown_gets_a_sentence(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    visitor = dashboard.local()
    for path, said in NOT_SHOWN:
        found = visitor.gets(path)
        assert found.status_code in (400, 404), path
        assert said in shown(found.text)


def test_another_portfolio_is_not_here_and_several_stand_side_by_side(
    server: EmbeddedServer, portfolio: str, led: Live, coordinators: Coordinators, tmp_path: Path
) -> None:
    led.starts("ibs-ES", symbols="ES")
    coordinators.start(portfolio=f"{portfolio}-b")
    with served(server, portfolio, tmp_path, "--also", f"{portfolio}-b") as dashboard:
        visitor = dashboard.local()
        home = shown(visitor.gets("/").text)
        assert portfolio in home
        assert f"{portfolio}-b" in home
        assert visitor.gets(f"/{portfolio}-b/").status_code == 200
        assert visitor.gets("/elsewhere/").status_code == 404


def test_the_day_is_listed_and_its_report_opens_offline(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    led.closes("ES", "125", price="5002.75")
    visitor = dashboard.local()
    days = visitor.gets("days").text
    assert "$125.00" in days
    day = days.partition(f'href="/{dashboard.portfolio}/days/')[2][:10]
    report = visitor.gets(f"days/{day}")
    assert report.status_code == 200
    assert "portfold audit report" in report.text[:200]
    assert "sandbox allow-scripts" in report.headers["content-security-policy"]
    assert "allow-same-origin" not in report.headers["content-security-policy"]


def test_research_shows_its_own_pages_and_nothing_else(
    server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    (results / "deep").mkdir(parents=True)
    (results / "deep" / "page.html").write_text("<!-- portfold research report --><p>found")
    (results / "strange.html").write_text("<script>alert(1)</script>")
    (results / "link.html").symlink_to(results / "deep" / "page.html")
    (results / "nowhere.html").symlink_to(results / "gone.html")
    (results / "folder.html").mkdir()
    os.mkfifo(results / "pipe.html")
    with served(server, portfolio, tmp_path, "--results", str(results)) as dashboard:
        visitor = dashboard.local()
        page = visitor.gets("research").text
        assert "deep/page.html" in page
        assert "strange.html" not in page
        assert "link.html" not in page
        link = re.findall(r'href="/[^/]+/(research/[0-9a-f]+)"', page)
        (results / "newer.html").write_text("<!-- portfold research report --><p>newer")
        assert [visitor.gets(each).text[-5:] for each in link] == ["found"]


def test_limits_stand_with_the_nearest_first(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    page = shown(dashboard.local().gets("limits").text)
    assert page.index("max_positions") < page.index("daily_stop_loss")
    assert "max_positions=4" in page


def test_metrics_are_of_this_moment_and_gone_with_the_server(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    name = f'portfolio="{dashboard.portfolio}"'
    read = dashboard.local().gets("/metrics").text
    assert f"portfold_positions{{{name}}} 1.0" in read
    assert f"portfold_up{{{name}}} 1.0" in read
    assert f'portfold_limit_used_ratio{{limit="max_positions",{name}}} 0.25' in read
    until(lambda: dashboard.visitor().gets("/readyz").status_code == 200, "a portfolio that is led")


def test_a_day_that_is_over_is_kept_for_its_log_alone(
    server: EmbeddedServer, portfolio: str, live: Live, coordinators: Coordinators, tmp_path: Path
) -> None:
    coordinators.start(clock="driven", ready=False)
    live.hears(limits(), at=WEDNESDAY)
    live.hears(ClockTicked(), at=WEDNESDAY + DAY)
    kept = tmp_path / "state" / "portfold" / "dashboard"
    with served(server, portfolio, tmp_path) as dashboard:
        visitor = dashboard.local()
        first = visitor.gets("days/2025-01-15").text
        (file,) = kept.rglob("day-2025-01-15.html")
        assert file.parent.name == f"{portfolio}-{live.bus.known_log_name()}"
        assert file.read_text() == first
        file.write_text("as it was kept")
        assert visitor.gets("days/2025-01-15").text == "as it was kept"
        visitor.gets("days/2025-01-16")  # goes on, so it is made anew each time
        assert not list(kept.rglob("day-2025-01-16.html"))
        live.client.set(live.keys.log, "another")
        assert visitor.gets("days/2025-01-15").text != "as it was kept"


def test_what_is_closed_and_by_whom_and_how_far_a_target_is(led: Live, dashboard: Served) -> None:
    scene.opens(led)
    visitor = dashboard.local()
    now, limits_page = shown(visitor.gets().text), shown(visitor.gets("limits").text)
    for page in (now, limits_page):
        assert "symbol SI ▲ warning: closed by ann: the report of the day" in page
    assert "dotted: profit_target at $3,000.00" in now
    assert "weekly_loss at" not in now  # further away than twice the daily stop
    assert re.search(r"profit_target profit of the trading day \$3,000.00 \$-775.00 \$3,775.00", now), now


EVERY_KIND = {
    "max_entries": 2,
    "loss_streak": 3,
    "loss_streak_minutes": 30,
    "worker_positions": "2",
    "groups": "index=ES,RTY",
    "group_contracts": "index=3",
    "loss_budget": "default",
    "default_risk": "ES=400 CL=300",
    "windows": "wed/10:01..10:30=deny",
    "worker_loss_streak": "ibs-ES=1",
    "worker_loss_streak_minutes": "60",
}
"""Of pace, exposure, the budget and windows one each; where nothing else is said, of the whole portfolio."""


def test_rules_of_every_kind_are_on_the_page_and_in_the_metrics(
    live: Live, coordinators: Coordinators, dashboard: Served
) -> None:
    coordinators.start(clock="driven", ready=False)
    live.hears(limits(**EVERY_KIND), at=WEDNESDAY)
    said = live.next_of
    live.hears(said(WorkerStarted, "ibs-ES", symbols="ES"), at=WEDNESDAY + 1)
    live.hears(said(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1), at=WEDNESDAY + 2)
    traded: dict[str, Any] = {"symbol": "ES", "side": "long", "size": 1, "price": Decimal(5000)}
    live.hears(said(PositionOpened, "ibs-ES", **traded), at=WEDNESDAY + 3)
    lost: dict[str, Any] = {"commission": Decimal(5), "pnl": Decimal(-105)}
    live.hears(said(PositionClosed, "ibs-ES", **traded, **lost), at=WEDNESDAY + 4)
    live.hears(LockoutOrdered("ann", "the dentist", WEDNESDAY + HOUR), at=WEDNESDAY + MINUTE)
    visitor = dashboard.local()
    until(lambda: "LOCKED OUT" in visitor.gets().text, "the page to say so")
    page, metrics = shown(visitor.gets().text), visitor.gets("/metrics").text
    assert "until Wed 15 Jan 11:00:00 CST, by ann: the dentist" in page
    assert "CLOSED worker ibs-ES, no entries, by coordinator: 1 losing trade of worker ibs-ES" in page
    assert "WINDOW OPEN wed/10:01..10:30=deny" in page
    of = f'portfolio="{dashboard.portfolio}"'
    for limit in (
        "max_entries of the portfolio",
        "loss_streak",
        "group_contracts of group index",
        "loss_budget",
    ):
        assert limit in page
        assert f'portfold_limit_left{{limit="{limit}",{of}}} ' in metrics
    assert f'portfold_limit_left{{limit="max_entries of the portfolio",{of}}} 1.0' in metrics
    for figure in ("locked_out", "scopes_closed", "windows_open"):
        assert f"portfold_{figure}{{{of}}} 1.0" in metrics


def test_windows_that_are_open_and_the_next_are_said(
    live: Live, coordinators: Coordinators, dashboard: Served
) -> None:
    coordinators.start(clock="driven", ready=False)
    live.hears(limits(windows="wed/00:00..16:30=deny thu/10:00..11:00=deny"), at=WEDNESDAY)
    live.hears(ClockTicked(), at=WEDNESDAY + 1000)
    page = shown(dashboard.local().gets().text)
    closed = page.partition("Closed, and what comes next")[2].partition("Workers")[0]
    assert re.search(r"Window ▲ warning: wed/00:00..16:30=deny: no entries until Wed 15 Jan 16:30", closed)
    assert re.search(r"Next window thu/10:00..11:00=deny from Thu 16 Jan 10:00\S* CST, in ", closed)


def test_trials_of_limits_are_found_and_what_was_ordered_after_one(
    server: EmbeddedServer, portfolio: str, led: Live, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "trial.html").write_text("<!-- portfold shadow --><p>saved")
    (results / "day.html").write_text("<!-- portfold audit report --><p>day")
    led.change_limits(max_positions=3, by="ann", reason="tighter; on trial after 1-0 to 2-0: denied 2")
    with served(server, portfolio, tmp_path, "--results", str(results)) as dashboard:
        visitor = dashboard.local()
        page = visitor.gets("limits").text
        assert "trial.html" in page
        assert "day.html" not in page
        (link,) = re.findall(r'href="/[^/]+/(research/[0-9a-f]+)"', page)
        assert "saved" in visitor.gets(link).text
        after = shown(page).partition("Ordered after a trial")[2].partition("How they changed")[0]
        assert "on trial after 1-0 to 2-0: denied 2" in after


def test_a_page_costs_little_to_fetch(led: Live, dashboard: Served) -> None:
    scene.opens(led)
    visitor = dashboard.local()
    parts = ("", "/static/dashboard.css", "/static/live.js", "/static/icon.svg")
    assert sum(len(visitor.gets(part).content) for part in parts) <= 150 * 1024


def test_the_picture_of_the_readme_is_there_and_small() -> None:
    root = Path(__file__).parents[3]
    assert "(docs/dashboard.webp)" in (root / "README.md").read_text()
    assert 10_000 < (root / "docs" / "dashboard.webp").stat().st_size < 150 * 1024
