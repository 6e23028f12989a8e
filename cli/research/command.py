"""`portfold research`: looks for the portfolio to trade. A command is one line here."""

from collections.abc import Callable

from cyclopts import App

from cli.research import backtest, export, optimize, report, simulate

_COMMANDS: tuple[Callable[[App], object], ...] = (
    backtest.register,
    simulate.register,
    optimize.register,
    export.register,
    report.register,
)


def register(app: App) -> None:
    """Adds the group of commands."""
    research = App(
        name="research",
        help="Simulate portfolios by the live rules, choose one, export it.",
    )
    for command in _COMMANDS:
        command(research)
    app.command(research)
