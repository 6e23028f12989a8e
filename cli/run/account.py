"""`portfold account`: watches the account at the broker and puts on the log what it holds."""

from pathlib import Path

from cyclopts import App

from portfold.cli.operate import cash
from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import ACCOUNT

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command, and what is recorded of the account by hand."""
    group = App(name="account")
    group.default(account)
    cash.register(group)
    app.command(group)


def account(*, book: Path | None = None, target: Target = _TARGET) -> int:
    """Watch the account at the broker, and report to the log what it holds.

    Which account, and where it is read, stands in runtime.json under "account". The coordinator compares each
    report with what workers have reported, and denies entries where they differ for longer than the grace.

    For example:

        portfold account

    Parameters
    ----------
    book
        The broker's file, the same as the workers'; for the account of the paper broker.
    """
    from portfold.cli.folders import default_book
    from portfold.cli.stopping import stopped_by_signals
    from portfold.log import open_log
    from portfold.workers.account.process import run
    from portfold.workers.client.settings import GateSettings

    resolved = target.resolve(ACCOUNT)
    settings = GateSettings.of(resolved.configuration, url=resolved.url, portfolio=resolved.portfolio)
    log, lines = open_log("account", for_here=typing_here(), zone=resolved.zone)
    try:
        file = book or default_book(resolved, resolved.configuration.runtime.broker.kind)
        with stopped_by_signals() as stop:
            run(resolved.configuration, settings, file, log=log, stop=stop.event)
    finally:
        lines.close()
    return stop.exit_code
