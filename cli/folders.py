"""Folders that commands make. `config.locate` decides where they are."""

from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.exits import Failure
from portfold.servers.own import state_folder

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget

__all__ = ["default_book", "made", "state_folder"]


def made(folder: Path) -> Path:
    """Makes the folder where it is missing, and returns it. Raises Failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def default_book(target: "ResolvedTarget", kind: str) -> Path:
    """Returns the broker's file: the one that runtime.json names, or that of the target's log.

    The one that is named is for the broker that is named beside it, and for no other `kind`. Raises Failure;
    BusError where the server cannot be reached and was never seen before.
    """
    from portfold.workers.client.settings import GateSettings
    from portfold.workers.run.book_file import book_there

    runtime = target.configuration.runtime
    if runtime.book is not None and kind == runtime.broker.kind:
        return Path(runtime.book)
    settings = GateSettings.of(target.configuration, url=target.url, portfolio=target.portfolio)
    return book_there(settings, made(state_folder()), kind)
