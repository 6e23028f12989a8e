"""The pages on paper, printed by the real browser as people do who change nothing: without backgrounds."""

from pathlib import Path
from typing import Any

from portfold.cli.dashboard.drawing import PAGES
from tests.cli.dashboard import scene
from tests.cli.dashboard.browser import in_a_browser, opened_browser
from tests.cli.dashboard.visitor import Served
from tests.live import Live

MARGIN_MM = 10.0
A_HAIR_MM = 0.5


def text_of(sheets: list[dict[str, Any]]) -> str:
    return " ".join(" ".join(str(sheet["text"]) for sheet in sheets).split())


@in_a_browser
def test_a_stop_is_readable_on_paper_and_nothing_is_cut(led: Live, dashboard: Served, tmp_path: Path) -> None:
    scene.opens(led)
    scene.is_stopped(led)
    with opened_browser("--dark") as browser:
        browser.size(1280, 900)
        browser.go(dashboard.address)
        browser.until("document.querySelector('#verdict').innerText.includes('STOPPED')")
        for page, title in PAGES:
            browser.go(f"{dashboard.base}/{dashboard.portfolio}/{page}")
            sheets = browser.prints(tmp_path / f"{title}.pdf")
            for sheet in sheets:
                assert sheet["dark"] < 0.08, title  # ink, and no dark ground
                for edge in ("left", "right", "bottom"):
                    assert sheet[edge] > MARGIN_MM - A_HAIR_MM, (title, edge)
            said = text_of(sheets)
            assert "Sign out" not in said, title
            assert dashboard.portfolio in said, title  # of which portfolio it is
            if not page:
                for word in ("STOPPED OUT", "FLATTENING", "weekly_loss", "mark", "$-2,200.00", "Leader"):
                    assert word in said
