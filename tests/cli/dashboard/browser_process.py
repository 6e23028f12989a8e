"""The browser's own process for pages that go on: does what it is told, line by line, and answers with JSON.

An order is a JSON object: `{"go": url}`, `{"js": expression}`, `{"wide": px, "tall": px}`, `{"png": path}`,
`{"pdf": path}`; on the last it prints as people do who change no setting: without backgrounds.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from PyQt6.QtCore import QMarginsF, QObject, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import QPageLayout, QPageSize
from PyQt6.QtWebEngineCore import QWebEngineProfile, QWebEngineSettings
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

from tests.audit.browser import ENVIRONMENT
from tests.audit.browser_process import DARK, HeardPage, Requests
from tests.cli.dashboard.printed import MARGIN_MM, sheets_of

_PAINT_MS = 400
_SHEET = QPageLayout(
    QPageSize(QPageSize.PageSizeId.A4),
    QPageLayout.Orientation.Portrait,
    QMarginsF(MARGIN_MM, MARGIN_MM, MARGIN_MM, MARGIN_MM),
    QPageLayout.Unit.Millimeter,
)


class _Orders(QObject):
    """Brings orders from standard input to the thread of the browser."""

    came = pyqtSignal(str)
    over = pyqtSignal()

    def read(self) -> None:
        for line in sys.stdin:
            self.came.emit(line)
        self.over.emit()


class _Browser:
    """One window, told what to do."""

    def __init__(self, app: QApplication) -> None:
        self._profile, self._requests = QWebEngineProfile(), Requests()
        self._profile.setUrlRequestInterceptor(self._requests)
        self._page, self._view = HeardPage(self._profile), QWebEngineView()
        self._view.setPage(self._page)
        self._view.resize(1280, 900)
        self._view.show()
        self._page.loadFinished.connect(self._loaded)
        self._page.pdfPrintingFinished.connect(self._printed)
        settings = self._page.settings()
        assert settings is not None
        backgrounds = QWebEngineSettings.WebAttribute.PrintElementBackgrounds
        settings.setAttribute(backgrounds, False)  # noqa: FBT003 - Qt takes it by its place alone
        self._going = False
        self.orders = _Orders()
        self.orders.came.connect(self._do)
        self.orders.over.connect(app.quit)

    def close(self) -> None:
        self._view.setPage(None)  # before the profile goes
        self._page.deleteLater()

    def _do(self, line: str) -> None:
        order = json.loads(line)
        if "go" in order:
            self._going = True
            self._page.load(QUrl(order["go"]))
        elif "js" in order:
            self._page.runJavaScript(f"JSON.stringify({order['js']})", _answer)
        elif "wide" in order:
            self._view.resize(order["wide"], order["tall"])
            self._soon(lambda: _answer("true"))
        elif "png" in order:
            self._soon(lambda: _answer(json.dumps(self._view.grab().save(order["png"]))))
        elif "pdf" in order:
            self._page.printToPdf(order["pdf"], _SHEET)
        else:
            _answer(json.dumps({"console": self._page.said, "requests": self._requests.seen}))

    def _loaded(self, done: bool) -> None:  # noqa: FBT001 - Qt calls it so
        if self._going:
            self._going = False
            _answer(json.dumps(done))

    def _printed(self, file: str, done: bool) -> None:  # noqa: FBT001 - Qt calls it so
        _answer(json.dumps(sheets_of(Path(file)) if done else None))

    def _soon(self, then: Callable[[], None]) -> None:
        QTimer.singleShot(_PAINT_MS, then)


def _answer(json_text: str | None) -> None:
    print(json_text if json_text else "null", flush=True)


def main() -> None:
    """The entry point."""
    os.environ.update(ENVIRONMENT)
    if "--dark" in sys.argv:
        os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] += f" {DARK}"
    app = QApplication(sys.argv[:1])
    browser = _Browser(app)
    Thread(target=browser.orders.read, daemon=True).start()
    app.exec()
    browser.close()


if __name__ == "__main__":
    main()
