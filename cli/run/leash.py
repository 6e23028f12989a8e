"""What child processes run in: the command a person would type, on a leash.

Whoever starts one holds the other end of its standard input. When he is gone, however he went, that end
closes, and the child ends in good order, or after a moment by force: no demo leaves orphans behind.
"""

import os
import signal
import sys
import threading

ON_A_LEASH = "--on-a-leash"
_GRACE_SECONDS = 2.0


def leashed() -> list[str]:
    """The words that start the command as a process of one's own, whatever lies in the working folder."""
    return [sys.executable, "-P", "-m", "portfold", ON_A_LEASH]


def watch_the_other_end() -> None:
    """From now on this process ends when standard input is closed."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()


def _watch() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_SECONDS)
    os._exit(1)
