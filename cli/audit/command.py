"""`portfold audit`: commands that read the record of a portfolio.

Guarantees: none writes to it. A new command is one line in `_QUESTIONS`.
"""

from collections.abc import Callable

from cyclopts import App

from portfold.cli.audit import anchor, as_files, at, day, expected, importing, show, verify, what_if, why
from portfold.cli.tear_sheet import over_log

_QUESTIONS: tuple[Callable[[App], object], ...] = (
    verify.register,
    anchor.register,
    why.register,
    at.register,
    show.register,
    day.register,
    expected.register,
    over_log.register,
    as_files.register,
    importing.register,
    what_if.register,
)


def register(app: App) -> None:
    """Adds the group of commands."""
    audit = App(
        name="audit",
        help="Verify, explain and replay what was decided. Reads only.",
    )
    for question in _QUESTIONS:
        question(audit)
    app.command(audit)
