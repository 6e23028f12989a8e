"""Folders that commands make; where they are is for `config.state_folder` to say."""

from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.exits import Failure
from portfold.config.state_folder import state_folder

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget

__all__ = ["default_book", "made", "state_folder"]


def made(folder: Path) -> Path:
    """The folder, made if need be. Raises Failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def default_book(place: "ResolvedTarget", kind: str) -> Path:
    """The file of the broker of that kind for the log that is there, in the state folder.

    Raises Failure; BusError where the server is away and was never seen before.
    """
    from portfold.workers.client.settings import GateSettings
    from portfold.workers.run.book_file import book_there

    settings = GateSettings.of(place.configuration, url=place.url, portfolio=place.portfolio)
    return book_there(settings, made(state_folder()), kind)
