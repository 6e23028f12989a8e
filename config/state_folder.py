"""The user's state folder, for what must outlive a terminal where a command names no other folder.

Not the working folder: a server or a worker started from elsewhere must find the same log and the same book.
"""

import os
from pathlib import Path


def state_folder() -> Path:
    """Returns $XDG_STATE_HOME/portfold, else ~/.local/state/portfold. Does not make it."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "portfold"
