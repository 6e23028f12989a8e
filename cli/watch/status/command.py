"""`portfold status`: whether a portfolio may trade, what it holds, how far the stop is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.cli.watch.status.look import Look

_TARGET = Target()

Flag = Annotated[bool, Parameter(show_default=False)]


def register(app: App) -> None:
    """Adds the command."""
    app.command(status)


def status(
    *, watch: Flag = False, json: Flag = False, health: Path | None = None, target: Target = _TARGET
) -> None:
    """Show whether the portfolio may trade, what it holds, and how far the stop is.

    Ends with exit code 1 when no coordinator has ever run for the portfolio;
    with --watch it waits for one, and outlasts restarts of the server.

    For example:

        portfold status --watch

    Parameters
    ----------
    watch
        Show it again every second, until Ctrl-C.
    json
        The same as one JSON object, for programs; with --watch one object a line.
    health
        Write a small file of JSON instead, `ok` and why not, for whoever watches a file; with --watch every
        second. Without it, exit code 1 where not all is well.
    """
    from portfold.cli.watch.status.look import Look

    look = Look.at(target.resolve())
    try:
        if health is not None:
            from portfold.cli.watch.status.health_file import keep_health

            keep_health(look, health, watch=watch)
        elif watch:
            from portfold.cli.watch.status.watch import watch_on

            watch_on(look, json=json)
        else:
            _print_once(look, json=json)
    finally:
        look.close()


def _print_once(look: "Look", *, json: bool) -> None:
    """Prints the status once. Raises Failure, BusError."""
    from portfold.cli.exits import Failure

    seen = look.now()
    if seen is None:
        raise Failure(f"{look.nobody}.")
    if json:
        from portfold.cli.watch.status.as_json import as_json

        print(as_json(seen))
    else:
        from rich.console import Console

        from portfold.cli.watch.status.screen import picture, put

        console = Console()
        put(console, picture(seen, shown=look.shown, zone=look.zone, whole=not console.is_terminal))
