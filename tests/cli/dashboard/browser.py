"""A real browser, held open by a test: it goes somewhere, and is asked what the page shows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import waiting
from tests.audit.browser import ENVIRONMENT, in_a_browser

__all__ = ["Browser", "in_a_browser", "opened_browser"]


class Browser:
    """The browser's process, and what it may be asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def go(self, url: str) -> None:
        """Opens the address, and returns once it is loaded."""
        assert self._ask(go=url), f"{url} was not loaded"

    def js(self, expression: str) -> Any:
        """Returns what the expression is in the page."""
        return self._ask(js=expression)

    def text(self, selector: str = "body") -> str:
        """Returns what can be read of an element."""
        return str(self.js(f"(document.querySelector({json.dumps(selector)}) || {{}}).innerText || ''"))

    def until(self, expression: str) -> None:
        """Waits until the expression is true in the page."""
        waiting.until(lambda: self.js(expression), f"{expression} in {self.text()[:2000]}")

    def size(self, wide: int, tall: int) -> None:
        """Makes the window so many pixels wide and tall."""
        self._ask(wide=wide, tall=tall)

    def picture(self, file: Path) -> None:
        """Takes a picture of what is in the window."""
        assert self._ask(png=str(file))

    def prints(self, file: Path) -> list[dict[str, Any]]:
        """Prints the page as a PDF, beside it each sheet as a picture; returns what is on each sheet."""
        return list(self._ask(pdf=str(file)))

    def heard(self) -> dict[str, list[str]]:
        """Returns every message of the console, and every address that was asked for."""
        return dict(self._ask(heard=True))

    def _ask(self, **order: object) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the browser ended with {self._process.poll()}"
        return json.loads(line)


@contextmanager
def opened_browser(*options: str) -> Iterator[Browser]:
    """Yields a browser of its own; options are those of `browser_process`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.dashboard.browser_process", *options],
        cwd=Path(__file__).parents[3],
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield Browser(process)
        finally:
            process.kill()
