"""What a page is on paper: each sheet's text, how far that reaches, and how dark the sheet is.

Runs in the process of the browser, as the reader of PDF is Qt's too.
"""

from pathlib import Path

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QImage, QPainter
from PyQt6.QtPdf import QPdfDocument

MARGIN_MM = 10.0
_MM_A_POINT = 25.4 / 72
_DOTS_A_POINT = 2
_DARK = 128
_EVERY = 7
"""Of the dots of a sheet every seventh each way is looked at."""


def sheets_of(file: Path) -> list[dict[str, object]]:
    """Returns what is on each sheet, and puts pictures of them beside the file: `page.pdf`, `page-1.png`.

    `left`, `right`, `bottom` are how far, in mm, the text stays from the edges; `dark` is a share, 0 to 1.
    """
    document = QPdfDocument(None)
    assert document.load(str(file)) == QPdfDocument.Error.None_
    found = [_sheet(document, number, file) for number in range(document.pageCount())]
    document.close()
    return found


def _sheet(document: QPdfDocument, number: int, file: Path) -> dict[str, object]:
    size, written = document.pagePointSize(number), document.getAllText(number)
    reach = written.boundingRectangle()
    drawn = document.render(
        number, QSize(*(int(_DOTS_A_POINT * each) for each in (size.width(), size.height())))
    )
    sheet = QImage(drawn.size(), QImage.Format.Format_RGB32)
    sheet.fill(0xFFFFFFFF)
    _lay(drawn, sheet)
    sheet.save(str(file.with_name(f"{file.stem}-{number + 1}.png")))
    return {
        "text": written.text(),
        "left": reach.left() * _MM_A_POINT,
        "right": (size.width() - reach.right()) * _MM_A_POINT,
        "bottom": (size.height() - reach.bottom()) * _MM_A_POINT,
        "dark": _darkness(sheet),
    }


def _lay(drawn: QImage, sheet: QImage) -> None:
    """Puts what is drawn on white paper: where nothing is, the reader leaves it clear."""
    painter = QPainter(sheet)
    painter.drawImage(0, 0, drawn)
    painter.end()


def _darkness(sheet: QImage) -> float:
    seen = [
        sheet.pixelColor(x, y).lightness()
        for x in range(0, sheet.width(), _EVERY)
        for y in range(0, sheet.height(), _EVERY)
    ]
    return sum(one < _DARK for one in seen) / len(seen)
