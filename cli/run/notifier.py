"""`portfold notifier`: sends alerts."""

from typing import Literal

from cyclopts import App

from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import NOTIFIER

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(notifier)


def notifier(*, clock: Literal["server", "driven"] = "server", target: Target = _TARGET) -> int:
    """Send alerts: the stop, trades, what is wrong, the day's summary.

    runtime.json says under notifier which alerts go where; with nothing there
    they go into this command's own log. A webhook's address is read from the
    environment variable that is named there. A slow webhook never delays a
    decision. A second notifier stands by.

    For example, with "discord_webhook_env": "DISCORD_WEBHOOK" in runtime.json:

        portfold notifier --config mine

    Parameters
    ----------
    clock
        `driven` where a simulation drives the log's clock: then no alert counts as old.
    """
    import os

    from portfold.cli.stopping import stopped_by_signals
    from portfold.events.wire.connection import Place
    from portfold.log import open_log
    from portfold.workers.notify.process import run

    resolved = target.resolve(NOTIFIER)
    log, lines = open_log("notifier", for_here=typing_here(), zone=resolved.zone)
    try:
        with stopped_by_signals() as stop:
            run(
                resolved.configuration,
                Place(resolved.url, resolved.password, resolved.portfolio),
                driven=clock == "driven",
                environ=os.environ,
                log=log,
                stop=stop.event,
            )
    finally:
        lines.close()
    return stop.exit_code
