"""Starts child processes that end with their parent, however the parent ends.

The parent holds the other end of the child's standard input. When the parent is gone that end closes, and
the child ends in good order, or after two seconds by force: no demo leaves orphans behind.
"""

import os
import signal
import sys
import threading

ON_A_LEASH = "--on-a-leash"
_GRACE_SECONDS = 2.0


def leashed() -> list[str]:
    """Returns the words that start `portfold` as a child process, whatever lies in the working folder."""
    return [sys.executable, "-P", "-m", "portfold", ON_A_LEASH]


def watch_the_other_end() -> None:
    """Ends this process when its standard input is closed."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()


def _watch() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_SECONDS)
    os._exit(1)
