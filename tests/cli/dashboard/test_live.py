"""The live page in a real browser: it follows what happens, says when it is old, runs nothing of a log."""

from pathlib import Path

import pytest

from portfold.events.incoming import EntryRequested
from tests.cli.dashboard import scene
from tests.cli.dashboard.browser import Browser, in_a_browser, opened_browser
from tests.cli.dashboard.hostile import HOSTILE
from tests.cli.dashboard.visitor import Served, served
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer

WIDTHS = ((360, 740), (768, 1024), (1280, 900), (3840, 2160))
DRAWN = """[...document.querySelectorAll('.lines li')].filter(
    (line) => line.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length"""
BROKEN_NAMES = """[...document.querySelectorAll('.limits tbody th')]
    .filter((one) => one.clientWidth < 120).map((one) => one.innerText)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def says(browser: Browser, text: str, where: str = "body") -> None:
    """Waits until the page says it there."""
    browser.until(f"document.querySelector('{where}').innerText.includes({text!r})")


def asked_elsewhere(browser: Browser, dashboard: Served) -> list[str]:
    """Every address that was asked for and is not the dashboard's."""
    return [url for url in browser.heard()["requests"] if not url.startswith(dashboard.base)]


@in_a_browser
def test_a_day_is_followed_to_its_stop(led: Live, dashboard: Served, tmp_path: Path) -> None:
    with opened_browser() as browser:
        browser.go(dashboard.address)
        says(browser, "TRADING", "#verdict")
        led.enters("ES", price="5000.25")
        says(browser, "5000.25", "#held")
        led.marks("ES", "-1250", price="4975.25")
        says(browser, "$-1,250.00", "#day")
        led.asks("XX", worker="ibs-ES")
        says(browser, "XX", "#lines")
        led.marks("ES", "-2500", price="4950.25")
        says(browser, "STOPPED OUT", "#verdict")
        browser.until("document.title.startsWith('STOPPED OUT $-2,500.00')")
        led.closes("ES", "-2500", price="4950.25")
        says(browser, "nothing is open or reserved", "#held")
        for wide, tall in WIDTHS:
            browser.size(wide, tall)
            browser.picture(tmp_path / f"stop-{wide}.png")
            assert browser.js(OVERFLOW) <= 0, wide
            assert browser.js(BROKEN_NAMES) == [], wide
        assert browser.heard()["console"] == []
        assert asked_elsewhere(browser, dashboard) == []


@in_a_browser
def test_the_page_says_that_it_is_old_while_the_server_is_away(
    tmp_path: Path, coordinators: Coordinators, portfolio: str
) -> None:
    with EmbeddedServer(tmp_path / "own") as own:
        coordinators.start(url=own.url)
        with served(own, portfolio, tmp_path) as dashboard, opened_browser() as browser:
            browser.go(dashboard.address)
            says(browser, "TRADING", "#verdict")
            own.kill()
            says(browser, "The server does not answer", "#verdict")
            browser.until("document.title.startsWith('OLD ')")
            says(browser, "OLD, it was TRADING", ".verdict")
            own.restart()
            browser.until("!document.querySelector('#verdict').innerText.includes('does not answer')")
            says(browser, "TRADING", "#verdict")


@in_a_browser
def test_the_page_says_in_large_letters_that_it_is_not_live(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    with opened_browser() as browser:
        browser.go(dashboard.address)
        says(browser, "TRADING", "#verdict")
        assert browser.js("document.getElementById('not-live').hidden")
        dashboard.running.process.kill()
        browser.until("!document.getElementById('not-live').hidden")
        says(browser, "What stands below is old", "#not-live")


@in_a_browser
@pytest.mark.parametrize("options", [(), ("--dark",)])
def test_sixty_four_positions_fit_and_are_all_there(
    options: tuple[str, ...], led: Live, dashboard: Served, tmp_path: Path
) -> None:
    symbols = [f"S{number:02}" for number in range(64)]
    for symbol in symbols:  # more than any limit allows: a fill is a fact, asked for or not
        led.starts(f"ibs-{symbol}")
        led.fills(symbol)
    with opened_browser(*options) as browser:
        browser.go(dashboard.address)
        browser.until("document.querySelectorAll('#held tbody tr').length === 64")
        for wide, tall in WIDTHS:
            browser.size(wide, tall)
            browser.picture(tmp_path / f"full-{wide}.png")
            assert browser.js(OVERFLOW) <= 0, wide


@in_a_browser
def test_hostile_words_do_nothing_but_look_odd(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    for words in HOSTILE:
        led.by_hand("type", "TradingHalted", "by", words, "reason", words)
        led.by_hand("type", words, "worker", words, "symbol", words)
    led.all_decided()
    last = led.events()[-1].id
    pages = ("", "log?all=1", "limits", "days", f"at?time={last}", f"why/{last}")
    with opened_browser() as browser:
        browser.go(dashboard.address)
        says(browser, "HALTED", "#verdict")
        for page in pages:
            browser.go(f"{dashboard.base}/{dashboard.portfolio}/{page}")
            assert browser.js("window.hacked === undefined"), page
            assert browser.js("document.querySelectorAll('img, iframe, object, svg script, b.x').length") == 0
        assert browser.heard()["console"] == []
        assert asked_elsewhere(browser, dashboard) == []


@in_a_browser
def test_of_ten_thousand_lines_only_what_is_seen_is_drawn(led: Live, dashboard: Served) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.publishes_all(
        [led.next_of(EntryRequested, "ibs-ES", symbol="XX", side="long", size=1) for _ in range(5000)]
    )
    led.all_decided()
    with opened_browser() as browser:
        browser.go(dashboard.address)
        browser.go(f"{dashboard.base}/{dashboard.portfolio}/log?lines=10000&all=1")
        assert browser.js("document.querySelectorAll('.lines li').length") == 10000
        assert browser.js(DRAWN) < 500


FORGED = """<!-- portfold research report --><p id=told>nothing</p><script>
const told = [];
try { told.push('cookie:' + document.cookie); } catch (error) { told.push('no cookie'); }
fetch('/session', { credentials: 'include' }).then(() => told.push('asked'), () => told.push('may not ask'))
  .then(() => { document.getElementById('told').textContent = told.join(', '); });
</script>"""


@in_a_browser
def test_a_page_that_somebody_has_put_among_the_research_has_no_rights(
    server: EmbeddedServer, portfolio: str, led: Live, tmp_path: Path
) -> None:
    led.starts("ibs-ES", symbols="ES")
    led.enters("ES", price="5000.25")
    led.closes("ES", "125", price="5002.75")
    results = tmp_path / "results"
    results.mkdir()
    (results / "forged.html").write_text(FORGED)
    there = served(server, portfolio, tmp_path, "--results", str(results))
    with there as dashboard, opened_browser() as browser:
        browser.go(dashboard.address)
        browser.go(f"{dashboard.base}/{portfolio}/research")
        browser.go(browser.js("document.querySelector('.files a').href"))
        browser.until("document.getElementById('told').textContent !== 'nothing'")
        assert browser.text("#told") == "no cookie, may not ask"
        # A report of ours draws its charts all the same.
        browser.go(f"{dashboard.base}/{portfolio}/days/{led.status()['current_day']}")
        browser.until("document.querySelectorAll('.main-svg').length > 0")


NAMED = "a, button, input:not([type=hidden]), progress, svg, nav, section"
NAMELESS = f"""[...document.querySelectorAll('{NAMED}')]
    .filter((one) => !(one.innerText || one.textContent || '').trim() && !one.closest('label')
      && !one.getAttribute('aria-label') && !one.getAttribute('title')).map((one) => one.outerHTML)"""
ORDER_OF_KEYS = """[...document.querySelectorAll('a[href], button, input, select, [tabindex]')]
    .map((one) => one.tabIndex).filter((index) => index !== 0)"""


@in_a_browser
def test_at_a_stop_everything_has_a_name_and_its_turn_and_nothing_jumps(led: Live, dashboard: Served) -> None:
    scene.opens(led)
    with opened_browser() as browser:
        browser.go(dashboard.address)
        says(browser, "PL", "#held")
        browser.js(
            "(window.shifts = [], new PerformanceObserver((list) => shifts.push(...list.getEntries()"
            ".map((one) => one.value))).observe({ type: 'layout-shift' }), 0)"
        )
        led.marks("ES", "-400", price="4992.25")
        says(browser, "4992.25", "#held")
        assert browser.js("shifts.reduce((sum, one) => sum + one, 0)") < 0.01
        scene.is_stopped(led)
        says(browser, "STOPPED OUT", "#verdict")
        assert browser.js("scrollY") == 0  # what has to be read is where one looks
        for page in ("", "log", "limits", "days", "research"):
            browser.go(f"{dashboard.base}/{dashboard.portfolio}/{page}")
            assert browser.js(NAMELESS) == [], page
            assert browser.js(ORDER_OF_KEYS) == [], page
            assert browser.js("document.querySelector('a, button, input').className") == "skip", page
