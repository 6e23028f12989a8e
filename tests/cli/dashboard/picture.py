"""Makes the picture of the README anew: `python -m tests.cli.dashboard.picture`. A font with signs helps.

The day is that of `scene`, on a real server with a real coordinator, in the browser of the tests.
"""

import sys
import tempfile
from pathlib import Path

from redis import Redis

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.cli.dashboard import scene
from tests.cli.dashboard.browser import opened_browser
from tests.cli.dashboard.visitor import served
from tests.live import Live
from tests.processes import Coordinators
from tests.server import EmbeddedServer

PICTURE = Path(__file__).parents[3] / "docs" / "dashboard.webp"
WIDE, TALL = 1280, 1000


def main() -> int:
    """Plays the day up to its stop, and takes the picture; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder) / "server") as server:
        coordinators = Coordinators(Path(folder) / "coordinators", server.url, "main")
        coordinators.start()
        with Redis.from_url(server.url, decode_responses=True) as client:
            live = Live(Bus(connect(server.url), "main"), client)
            with served(server, "main", Path(folder)) as dashboard, opened_browser() as browser:
                browser.size(WIDE, TALL)
                browser.go(dashboard.address)
                scene.opens(live)
                browser.until("document.querySelector('#held').innerText.includes('PL')")
                scene.is_stopped(live)
                browser.until("document.querySelector('#verdict').innerText.includes('STOPPED')")
                browser.picture(PICTURE)
        coordinators.end()
    print(f"{PICTURE}: {PICTURE.stat().st_size // 1024} KB. Look at it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
