"""Folders that commands make; where they are is for `config.state_folder` to say."""

from pathlib import Path

from cli.exits import Failure
from config.state_folder import state_folder

__all__ = ["default_book", "made", "state_folder"]


def made(folder: Path) -> Path:
    """The folder, made if need be. Raises Failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def default_book(portfolio: str, kind: str = "paper") -> Path:
    """The file of a portfolio's broker of that kind, in the state folder. Raises Failure."""
    from workers.process import book_of

    return book_of(portfolio, made(state_folder()), kind)
