"""Where portfold keeps what must outlive a terminal, when it is not told where: the user's state folder.

Not the working folder: a server or a worker started from elsewhere must find the same log and the same book.
"""

import os
from pathlib import Path


def state_folder() -> Path:
    """$XDG_STATE_HOME/portfold, else ~/.local/state/portfold. Not made here."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "portfold"
