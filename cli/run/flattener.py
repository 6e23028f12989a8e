"""`portfold flattener`: closes what lost workers left open."""

from pathlib import Path

from cyclopts import App

from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import FLATTENER

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(flattener)


def flattener(
    *, book: Path | None = None, paper: bool = False, account: str | None = None, target: Target = _TARGET
) -> int:
    """Stand by to close positions of lost workers, when these are to be flattened.

    Run one beside every portfolio. It orders at the broker itself, and never opens anything.

    For example:

        portfold flattener

    Parameters
    ----------
    book
        The broker's file, the same as the workers'.
    paper
        Close on paper, whichever broker runtime.json names; for workers started with --paper.
    account
        The account to close in, as the workers were given it; by default the one that runtime.json names.
    """
    from portfold.cli.folders import default_book
    from portfold.cli.stopping import stopped_by_signals
    from portfold.log import open_log
    from portfold.workers.account.named import trading_the_named
    from portfold.workers.brokers.registry import on_paper
    from portfold.workers.client.settings import GateSettings
    from portfold.workers.flattener.process import run

    resolved = target.resolve(FLATTENER)
    configuration = on_paper(resolved.configuration) if paper else resolved.configuration
    if account is not None:
        configuration = trading_the_named(configuration, account, live=not paper)
    settings = GateSettings.of(resolved.configuration, url=resolved.url, portfolio=resolved.portfolio)
    log, lines = open_log("flattener", for_here=typing_here(), zone=resolved.zone)
    try:
        with stopped_by_signals() as stop:
            kind = configuration.runtime.broker.kind
            file = book or default_book(resolved, kind)
            run(configuration, settings, file, log=log, stop=stop.event)
    finally:
        lines.close()
    return stop.exit_code
