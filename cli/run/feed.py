"""`portfold feed`: one subscription to the market for the whole portfolio."""

from cyclopts import App

from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import FEED

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(feed)


def feed(*, target: Target = _TARGET) -> int:
    """Subscribe to the market once for all workers: minutes and last prices on the bus.

    What is subscribed, and where, stands in runtime.json under "market".
    Workers read it there with the feed "bus". Start it twice, and the
    second stands by for the first.

    For example:

        portfold feed
    """
    from portfold.cli.stopping import stopped_by_signals
    from portfold.log import open_log
    from portfold.workers.client.settings import GateSettings
    from portfold.workers.market.process import run

    resolved = target.resolve(FEED)
    settings = GateSettings.of(resolved.configuration, url=resolved.url, portfolio=resolved.portfolio)
    log, lines = open_log("feed", for_here=typing_here(), zone=resolved.zone)
    try:
        with stopped_by_signals() as stop:
            run(resolved.configuration, settings, log=log, stop=stop.event)
    finally:
        lines.close()
    return stop.exit_code
