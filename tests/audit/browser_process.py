"""The browser's own process: opens one file in Chromium and prints what it found, as JSON.

For people who want to see the page: `python -m tests.audit.browser_process page.html --png page.png`, and
`--dark`, `--width 400`, `--pdf page.pdf` besides.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from PyQt6.QtCore import QTimer, QUrl
from PyQt6.QtWebEngineCore import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineSettings,
    QWebEngineUrlRequestInfo,
    QWebEngineUrlRequestInterceptor,
)
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

from tests.audit.browser import ENVIRONMENT, PATIENCE_SECONDS

_LOOK_MS = 50
_PAINT_MS = 1500
_TALLEST_PX = 12_000
DARK = "--blink-settings=preferredColorScheme=0"
_LOOK = """(() => {
  const plots = [...document.querySelectorAll(".plot")].filter((plot) => plot.checkVisibility());
  return JSON.stringify({
    height: document.documentElement.scrollHeight,
    drawn: Number(document.documentElement.dataset.drawn || 0),
    expected: plots.length,
    plots: plots.map(plot => ({
      traces: (plot.data || []).map(trace => trace.name),
      width: plot.clientWidth,
      shapes: plot.querySelectorAll(".trace path, .point path, path.point, .legendtoggle").length,
    })),
    text: document.body.innerText,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    elements: [...document.querySelectorAll("*")].reduce(
      (counts, { localName }) => ({ ...counts, [localName]: (counts[localName] || 0) + 1 }), {}),
  });
})()"""


class Requests(QWebEngineUrlRequestInterceptor):
    """Notes all that is asked for, but the page itself where that is named."""

    def __init__(self, page: QUrl | None = None) -> None:
        super().__init__()
        self._page = page
        self.seen: list[str] = []

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:  # noqa: N802 - Qt's name
        if info.requestUrl() != self._page:
            self.seen.append(info.requestUrl().toString())


class HeardPage(QWebEnginePage):
    """Notes all that the page says."""

    def __init__(self, profile: QWebEngineProfile) -> None:
        super().__init__(profile)
        self.said: list[str] = []

    def javaScriptConsoleMessage(  # noqa: N802 - Qt's name
        self,
        level: QWebEnginePage.JavaScriptConsoleMessageLevel,
        message: str | None,
        line: int,
        source: str | None,
    ) -> None:
        self.said.append(f"{level.name}, line {line} of {source}: {message}")


class _Look:
    """Loads the page, makes the window as tall as it is, and looks until every chart in it is drawn."""

    def __init__(self, app: QApplication, asked: argparse.Namespace) -> None:
        self._app, self._asked = app, asked
        self._url = QUrl.fromLocalFile(str(asked.page.resolve()))
        self._profile, self._requests = QWebEngineProfile(), Requests(self._url)
        self._profile.setUrlRequestInterceptor(self._requests)
        self._page, self._view = HeardPage(self._profile), QWebEngineView()
        self._found: dict[str, object] = {}
        settings = self._page.settings()
        if settings is not None:
            # A page from a file may not reach the network by default. Here it may: we want to see it try.
            may = QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls
            settings.setAttribute(may, True)  # noqa: FBT003 - Qt takes it by its place alone

    def found(self) -> dict[str, object]:
        self._view.setPage(self._page)
        self._view.resize(self._asked.width, 1000)
        self._view.show()
        self._page.loadFinished.connect(lambda done: self._loaded(done=done))
        self._page.load(self._url)
        QTimer.singleShot(PATIENCE_SECONDS * 1000, self._app.quit)
        self._app.exec()
        self._view.setPage(None)  # before the profile goes
        self._page.deleteLater()
        return self._found | {"console": self._page.said, "requests": self._requests.seen}

    def _loaded(self, *, done: bool) -> None:
        self._found["loaded"] = done
        self._look()

    def _look(self) -> None:
        self._page.runJavaScript(_LOOK, self._seen)

    def _seen(self, answer: str) -> None:
        seen = json.loads(answer)
        tall = min(seen.pop("height"), _TALLEST_PX)
        self._found |= seen
        if self._view.height() < tall:
            self._view.resize(self._asked.width, tall)
        elif seen["drawn"] >= seen["expected"]:
            QTimer.singleShot(_PAINT_MS if self._asked.png else 0, self._picture)
            return
        QTimer.singleShot(_LOOK_MS, self._look)

    def _picture(self) -> None:
        if self._asked.png:
            self._view.grab().save(str(self._asked.png))
        if self._asked.pdf:
            self._page.pdfPrintingFinished.connect(self._app.quit)
            self._page.printToPdf(str(self._asked.pdf))
        else:
            self._app.quit()


def main() -> None:
    """The entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--png", type=Path)
    parser.add_argument("--pdf", type=Path)
    asked = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    if asked.dark:
        os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] += f" {DARK}"
    print(json.dumps(_Look(QApplication(sys.argv[:1]), asked).found()))


if __name__ == "__main__":
    main()
