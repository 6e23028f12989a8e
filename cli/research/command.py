"""`portfold research`: looks for the portfolio to trade. A command is one line here."""

from collections.abc import Callable

from cyclopts import App

from portfold.cli.research import (
    backtest,
    export,
    optimize,
    prove,
    report,
    sensitivity,
    simulate,
    train,
    walk_forward,
)
from portfold.cli.research.tuning import tune
from portfold.cli.tear_sheet import over_files

_COMMANDS: tuple[Callable[[App], object], ...] = (
    backtest.register,
    simulate.register,
    sensitivity.register,
    optimize.register,
    export.register,
    report.register,
    train.register,
    walk_forward.register,
    tune.register,
    prove.register,
    over_files.register,
)


def register(app: App) -> None:
    """Adds the group of commands."""
    research = App(
        name="research",
        help="Train filters, simulate portfolios by the live rules, choose one, export it.",
    )
    for command in _COMMANDS:
        command(research)
    app.command(research)
