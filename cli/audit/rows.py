"""Labelled rows on a screen of 100 columns; what does not fit goes on below, indented."""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portfold.coordinator.audit.explain.portfolio_rows import Labelled

_COLUMNS = 100
_LABEL = 13


def row_lines(rows: Iterable["Labelled"], label: int = _LABEL) -> list[str]:
    """Returns the rows as lines, each row's label, `label` columns wide, in front of its first line."""
    return [
        line
        for row in rows
        for number, text in enumerate(row.lines)
        for line in _wrapped("" if number else row.label, text, label)
    ]


def _wrapped(label: str, text: str, columns: int) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=f"{label:<{columns}}",
        subsequent_indent=" " * (columns + 2),
        break_on_hyphens=False,
    )
