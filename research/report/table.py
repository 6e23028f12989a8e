"""One table as HTML: figures right-aligned, every word of it escaped."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from portfold.research.report.wording import dollars, percent, text


class Cell(NamedTuple):
    """A cell as HTML. `figure` aligns it right, `tone` is one of the style's classes."""

    html: str
    figure: bool = False
    tone: str = ""


def words(content: object, tone: str = "") -> Cell:
    """Writes a cell of text."""
    return Cell(text(content), tone=tone)


def figure(content: object, tone: str = "") -> Cell:
    """Writes a cell of a figure."""
    return Cell(text(content), figure=True, tone=tone)


def money(amount: Decimal | None) -> Cell:
    """Writes a cell of dollars; a loss shows by its sign as well as by its colour."""
    return figure(dollars(amount), tone_of(amount))


def share(part: Decimal | None, *, marked: bool = False) -> Cell:
    """Writes a cell of a percentage, `marked` where it is unusually high."""
    return figure(f"▲ {percent(part)}" if marked else percent(part), "alarm" if marked else "")


def tone_of(amount: Decimal | None) -> str:
    """Returns the style's class of an amount."""
    return "" if not amount else "gain" if amount > 0 else "loss"


def table(
    caption: str,
    heads: Sequence[Cell],
    rows: Sequence[Sequence[Cell]],
    *,
    total: Sequence[Cell] | None = None,
    note: str = "",
) -> str:
    """Writes the table; an empty text without rows."""
    if not rows:
        return ""
    foot = f"<tfoot>{_row(total, 'td')}</tfoot>" if total else ""
    below = f'<p class="note">{text(note)}</p>' if note else ""
    body = "".join(_row(row, "td") for row in rows)
    return (
        f'<div class="block"><div class="table"><table><caption>{text(caption)}</caption>'
        f"<thead>{_row(heads, 'th')}</thead><tbody>{body}</tbody>{foot}</table></div>{below}</div>"
    )


def _row(cells: Sequence[Cell], tag: str) -> str:
    return "<tr>" + "".join(_cell(cell, tag) for cell in cells) + "</tr>"


def _cell(cell: Cell, tag: str) -> str:
    names = " ".join(name for name in ("figure" if cell.figure else "", cell.tone) if name)
    marked = f' class="{names}"' if names else ""
    return f"<{tag}{marked}>{cell.html}</{tag}>"
