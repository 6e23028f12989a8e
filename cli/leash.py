"""What child processes run in (`portfold_command.leashed`): the command a person would type, on a leash.

The demo holds the other end of the child's standard input. When the demo is gone, however it went, that end
closes, and the child ends in good order, or after a moment by force: no demo leaves orphans behind.
"""

import os
import signal
import sys
import threading

from cli.main import main

_GRACE_SECONDS = 2.0


def _watch_the_other_end() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_GRACE_SECONDS)
    os._exit(1)


def run() -> None:
    """The entry point."""
    threading.Thread(target=_watch_the_other_end, name="leash", daemon=True).start()
    main(sys.argv[1:])
