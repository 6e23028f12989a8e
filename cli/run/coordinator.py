"""`portfold coordinator`: the one process that decides."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import App

from portfold.cli.target import Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import COORDINATOR

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.log import Log

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(coordinator)


def coordinator(
    *, clock: Literal["server", "driven"] = "server", archive: Path | None = None, target: Target = _TARGET
) -> int:
    """Coordinate a portfolio: grant entries, watch the loss, flatten at the limit.

    Start it twice, and the second stands by for the first. SIGTERM or Ctrl-C
    end it in good order.

    For example:

        portfold coordinator --config config

    Parameters
    ----------
    clock
        `server`: time is that of Redis. `driven`: time is that of the last event, as a simulation writes it.
    archive
        The folder that `portfold archive` moved history to; by default runtime.json's archive_folder.
        Needed only where there is no snapshot to start from.
    """
    from portfold.cli.stopping import stopped_by_signals
    from portfold.config import with_archive
    from portfold.coordinator.process.process import run
    from portfold.events.wire.connection import Place
    from portfold.log import open_log

    resolved = target.resolve(COORDINATOR)
    password = resolved.password
    log, lines = open_log("coordinator", for_here=typing_here(), zone=resolved.zone)
    try:
        _log_configuration(resolved.configuration, log)
        gc.freeze()  # what is loaded by now stays: no collection looks through it while a request waits
        with stopped_by_signals() as stop:
            run(
                with_archive(resolved.configuration, archive),
                Place(resolved.url, password, resolved.portfolio),
                clock=clock,
                log=log,
                stop=stop.event,
            )
    finally:
        lines.close()
    return stop.exit_code


def _log_configuration(configuration: "Configuration", log: "Log") -> None:
    """Logs where the configuration came from, and which of its keys have no effect."""
    files = configuration.files
    packaged = [file.path.name for file in (files.portfolio, files.runtime, files.contracts) if file.packaged]
    log.info(
        "Configuration read",
        folder=str(configuration.source.folder),
        chosen_by=configuration.source.chosen_by,
        packaged_files=", ".join(packaged) or "none",
    )
    for warning in configuration.portfolio.warnings:
        log.warning(warning)
