"""The pages that `dashboard` measures: serves one dashboard, and opens as many streams of it as it is told.

It reads from standard input how many pages are to be open, and prints for each line how many milliseconds
after its event each decision came to the pages that were open before, as JSON.
"""

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

import requests

from portfold.cli.run.leash import ON_A_LEASH

_ADDRESS = re.compile(r"http://\S+")
_EVENT = re.compile(rb"/why/([0-9]+)-")
_SECONDS = 30.0


class OpenPage(threading.Thread):
    """One page: takes what it is told until it is closed."""

    def __init__(self, browser: requests.Session, address: str) -> None:
        super().__init__(daemon=True)
        self.delays: list[float] = []
        self.is_open = threading.Event()
        self._answer = browser.get(address, stream=True, timeout=_SECONDS)

    def run(self) -> None:
        """Notes for each message that has newer lines how old the newest is, by this machine's clock."""
        newest = 0
        with suppress(requests.RequestException, AttributeError, ValueError):  # closed meanwhile
            for line in self._answer.iter_lines():
                self.is_open.set()
                if not line.startswith(b"data: {"):
                    continue
                latest = max(map(int, _EVENT.findall(line)), default=0)
                if newest and latest > newest:
                    self.delays.append(time.time() * 1000 - latest)
                newest = max(newest, latest)

    def close(self) -> None:
        """Goes away."""
        self._answer.close()


def main(url: str, portfolio: str) -> None:
    """Opens and closes pages until standard input ends."""
    # On a leash: however this process ends, the dashboard ends with it.
    words = [ON_A_LEASH, "dashboard", "--url", url, "--portfolio", portfolio, "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "portfold", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            assert served.stdout is not None
            address = _ADDRESS.search(served.stdout.readline())
            if address is None:
                sys.exit("the dashboard said no address")
            _serve(address.group(), portfolio)
        finally:
            served.terminate()


def _serve(address: str, portfolio: str) -> None:
    browser = requests.Session()
    browser.trust_env = False
    browser.get(address, timeout=_SECONDS)
    parts = urlsplit(address)
    live = f"{parts.scheme}://{parts.netloc}/{portfolio}/live"
    pages: list[OpenPage] = []
    for line in sys.stdin:
        wanted = int(line)
        delays = [each for page in pages for each in page.delays]
        while len(pages) > wanted:
            pages.pop().close()
        while len(pages) < wanted:
            page = OpenPage(browser, live)
            page.start()
            page.is_open.wait(_SECONDS)
            pages.append(page)
        print(json.dumps(delays), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
