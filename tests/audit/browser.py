"""A page opened in a real browser, without a screen: what it drew, said and asked for.

The browser is Chromium, as Qt WebEngine brings it: a wheel, so that no browser need be on the machine. It
runs in a process of its own (`tests.audit.browser_process`); no part of Qt is ever in that of the tests.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.json import decode

# For ARM on Linux there is no wheel of the browser; pyproject.toml leaves it out there for the same reason.
in_a_browser = pytest.mark.skipif(
    sys.platform == "linux" and platform.machine() != "x86_64",
    reason="no browser as a wheel on this platform",
)

PATIENCE_SECONDS = 45
ENVIRONMENT = {
    "QT_QPA_PLATFORM": "offscreen",
    # No sandbox: root has none, and what is opened is our own. No GPU: there may be none. Not /dev/shm: it is
    # small in containers.
    "QTWEBENGINE_CHROMIUM_FLAGS": "--no-sandbox --disable-gpu --disable-dev-shm-usage",
    "QT_LOGGING_RULES": "*=false",
}
NEEDED = (
    "libasound2 libdbus-1-3 libegl1 libfontconfig1 libgbm1 libgl1 libglib2.0-0 libnss3 libxcb-dri3-0 "
    "libxcomposite1 libxdamage1 libxfixes3 libxkbcommon0 libxkbfile1 libxrandr2 libxtst6"
)
"""The Debian packages that the browser takes for granted, and that a bare image does not have."""


class Plot(Struct, frozen=True):
    """A chart as it was drawn: its traces by name, its width, and how many shapes the browser made of it."""

    traces: list[str]
    width: int
    shapes: int


class Seen(Struct, frozen=True):
    """What the browser found. `console` holds every message, `requests` all it asked for but the page itself.

    `expected` counts the charts in sight and `drawn` those that were drawn; `text` is what can be read,
    `overflow` how many pixels the page is wider than the window, `elements` counts by name.
    """

    loaded: bool
    console: list[str]
    requests: list[str]
    expected: int
    drawn: int
    plots: list[Plot]
    text: str
    overflow: int
    background: str
    elements: dict[str, int]


def opened(page: Path, *options: str) -> Seen:
    """Opens the file; options are those of `tests.audit.browser_process`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.audit.browser_process", str(page), *options],
        cwd=Path(__file__).parents[2],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS + 10,
    )
    assert "cannot open shared object file" not in done.stderr, f"{done.stderr[-500:]} It needs: {NEEDED}"
    assert done.returncode == 0, f"the browser ended with {done.returncode}: {done.stderr[-2000:]}"
    return decode(done.stdout, type=Seen)
