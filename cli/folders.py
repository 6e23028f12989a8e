"""Where portfold keeps what must outlive a terminal, when it is not told where: the user's state folder.

Not the working folder: a server or a worker started from elsewhere must find the same log and the same book.
"""

import os
from pathlib import Path

from cli.exits import Failure


def state_folder() -> Path:
    """$XDG_STATE_HOME/portfold, else ~/.local/state/portfold. Not made here."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "portfold"


def made(folder: Path) -> Path:
    """The folder, made if need be. Raises Failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"Cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def default_book(portfolio: str) -> Path:
    """The paper broker's file of a portfolio, in the state folder. Raises Failure."""
    from workers.process import book_of

    return book_of(portfolio, made(state_folder()))
