"""The demo's page in the browser: offered to whoever watches a terminal, and its stop is to be seen there."""

import re
import sys
from pathlib import Path

import pytest

from portfold.cli.demo.page_offer import how_to_get_it, is_served
from portfold.cli.exits import Unusable
from portfold.installing import install_command
from tests.cli.dashboard.browser import in_a_browser, opened_browser
from tests.cli.terminal import on_terminal

BAD_DAY_ONLY = ("--from", "2025-01-13", "--days", "1", "--pace", "0.3")
STOPPED = "document.querySelector('#verdict').innerText.includes('STOPPED OUT')"


@in_a_browser
def test_on_a_terminal_the_page_is_offered_and_the_stop_can_be_watched_there(tmp_path: Path) -> None:
    with on_terminal("demo", *BAD_DAY_ONLY, cwd=tmp_path) as terminal, opened_browser() as browser:
        terminal.shows("Page: http://")
        (address,) = set(re.findall(r"Page: (http://\S+)", terminal.text))
        browser.go(address)
        browser.until(STOPPED)
        assert browser.heard()["console"] == []


@pytest.mark.parametrize(("asked", "watched"), [(None, True), (True, False), (True, True)])
def test_where_the_extra_is_there_the_page_is_served_to_who_watches_or_asks(
    asked: bool | None,  # noqa: FBT001 - the values of the table
    watched: bool,  # noqa: FBT001
) -> None:
    assert is_served(asked=asked, watched=watched)


@pytest.mark.parametrize(("asked", "watched"), [(None, False), (False, True)])
def test_where_nobody_watches_or_wants_it_none_is(asked: bool | None, watched: bool) -> None:  # noqa: FBT001
    assert not is_served(asked=asked, watched=watched)
    assert how_to_get_it({}, asked=asked, watched=watched) == ""


def test_without_the_extra_the_demo_runs_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert not is_served(asked=None, watched=True)
    with pytest.raises(Unusable, match="The dashboard needs starlette, which is not installed"):
        is_served(asked=True, watched=True)
    by_make = how_to_get_it({"MAKELEVEL": "1"}, asked=None, watched=True)
    assert by_make == "To see it as a page in the browser: make run ARGS=--dashboard"
    assert how_to_get_it({}, asked=None, watched=True).endswith(install_command("web"))
