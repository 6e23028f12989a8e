"""Rows of text as lines of a screen: in columns, or each behind its label."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portfold.coordinator.audit.explain.portfolio_rows import Labelled

_COLUMNS = 100
_LABEL = 13


def in_columns(rows: Sequence[Sequence[str]], left: frozenset[int] = frozenset()) -> list[str]:
    """Returns a line for each row, its columns as wide as they need, right-aligned except those in `left`."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:{'<' if number in left else '>'}{width}}"
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def behind_labels(rows: Iterable["Labelled"], label: int = _LABEL) -> list[str]:
    """Returns the lines of each row, its label, `label` columns wide, in front of the first.

    What does not fit in 100 columns goes on below, indented.
    """
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
