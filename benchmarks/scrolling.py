"""Measures how smoothly the dashboard's log of 10,000 lines scrolls in a real browser, and a page's weight.

The browser is Chromium without a screen and without a graphics card. Its frames are counted by the page's own
`requestAnimationFrame` while it scrolls by a part of the window at each, from the top to the end and on: a
page that cannot keep up has fewer of them. The same with 200 lines is the floor: that is all this browser can
give here, where the processor draws.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests

from benchmarks.measuring.figures import percentile
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.realistic_log import realistic_log
from benchmarks.measuring.stage import APPENDFSYNC, BenchmarkFailed, Stage, played
from tests.cli.dashboard.browser import Browser, opened_browser

EXPECTED_FRAMES = 60
EXPECTED_KB = 150
_PORTFOLIO = "scrolling"
_FEW = 200
_ADDRESS = re.compile(r"http://\S+")
_PARTS = ("", "/static/dashboard.css", "/static/live.js", "/static/icon.svg")
_SCROLL = """(() => {{
  window.frames_ms = [];
  let last = 0;
  const step = (now) => {{
    if (last) frames_ms.push(now - last);
    last = now;
    if (frames_ms.length >= {frames}) return;
    const end = document.documentElement.scrollHeight - innerHeight;
    scrollTo(0, scrollY >= end ? 0 : scrollY + innerHeight / 8);
    requestAnimationFrame(step);
  }};
  requestAnimationFrame(step);
  return 0;
}})()"""


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("scrolling", __doc__)
    options.add_argument("--events", type=count, default=20_000, help="entries of the log (20000)")
    options.add_argument("--lines", type=count, default=10_000, help="lines on the page (10000)")
    options.add_argument("--frames", type=count, default=600, help="frames of scrolling (600)")
    chosen = sized(options, events=800, lines=400, frames=10)
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    stage.put_on_server(bus.keys.events, realistic_log(chosen.events, seed=1))
    bus.close()
    stage.start_coordinator(_PORTFOLIO)
    served = stage.start(
        "dashboard",
        *("-m", "portfold", "dashboard", "--url", stage.url, "--portfolio", _PORTFOLIO, "--port", "0"),
    )
    found = _ADDRESS.search(served.receive())
    if found is None:
        raise served.failure("said no address")
    base = "{0.scheme}://{0.netloc}".format(urlsplit(found.group()))
    with opened_browser() as browser:
        browser.go(found.group())
        page = f"{base}/{_PORTFOLIO}/log?all=1&lines="
        floor = _frames(browser, f"{page}{_FEW}", chosen.frames)
        log = _frames(browser, f"{page}{chosen.lines}", chosen.frames)
        there = int(browser.js("document.querySelectorAll('.lines li').length"))
    if there < chosen.lines:
        raise BenchmarkFailed(f"The log has only {there} lines: --events {2 * chosen.events} may do.")
    _print(floor, log, there, _kilobytes(base, found.group()))


def _frames(browser: Browser, address: str, frames: int) -> list[float]:
    """Returns how many milliseconds went by between the frames while the page scrolled."""
    browser.go(address)
    browser.js(_SCROLL.format(frames=frames))
    browser.until(f"frames_ms.length >= {frames}")
    return list(json.loads(browser.js("JSON.stringify(frames_ms)")))


def _kilobytes(base: str, address: str) -> float:
    """Returns what the page of now and all that it fetches weigh, as they come, in KB."""
    visitor = requests.Session()
    visitor.trust_env = False
    visitor.get(address, timeout=30)
    page = f"{base}/{_PORTFOLIO}/"
    return sum(len(visitor.get(base + part if part else page, timeout=30).content) for part in _PARTS) / 1024


def _print(floor: Sequence[float], log: Sequence[float], lines: int, kilobytes: float) -> None:
    print(f"{len(log)} frames of scrolling over {lines:,} lines\n")
    print(f"{'':24}{'frames/s':>10}{'median':>11}{'p99':>11}")
    for name, frames in ((f"{lines:,} lines", log), (f"{_FEW} lines", floor)):
        rate = 1000 * len(frames) / sum(frames)
        row = f"{percentile(frames, 50):>8.1f} ms{percentile(frames, 99):>8.1f} ms"
        print(f"{name:24}{rate:>10.1f}{row}")
    print(f"\nExpected: {EXPECTED_FRAMES} frames a second; here {1000 * len(log) / sum(log):.1f}.")
    print(f"The page of now weighs {kilobytes:.0f} KB, without plotly; expected: {EXPECTED_KB} at most.")


if __name__ == "__main__":
    sys.exit(main())
