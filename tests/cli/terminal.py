"""A command on a terminal of its own, of 80 columns: what it writes, keys that are pressed."""

import contextlib
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

from tests.cli.command_line import COMMAND, environment
from tests.waiting import until

CTRL_C = b"\x03"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What the command under way has written so far, and its keyboard."""

    def __init__(self, process: "subprocess.Popen[bytes]", keyboard: int, screen: int) -> None:
        self.process = process
        self._keyboard = keyboard
        self._screen: int | None = screen
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def _read_on(self) -> None:
        with contextlib.suppress(OSError):  # nobody is left to write
            while piece := os.read(self._keyboard, 65_536):
                self._written += piece

    @property
    def raw(self) -> str:
        """All of it, escape sequences included."""
        return bytes(self._written).decode(errors="replace").replace("\r\n", "\n")

    @property
    def text(self) -> str:
        """All of it as text."""
        return _ESCAPES.sub("", self.raw)

    def shows(self, text: str, times: int = 1) -> None:
        """Waits until it has written the text so many times."""
        until(
            lambda: self.text.count(text) >= times or self.process.poll() is not None,
            f"the terminal to show {text!r}; it shows {self.text!r}",
        )
        assert self.text.count(text) >= times, f"it ended without showing {text!r}: {self.text}"

    def press(self, keys: bytes) -> None:
        os.write(self._keyboard, keys)

    def ends(self) -> int:
        """Waits for the end of the command; returns its exit code."""
        code = self.process.wait(30)
        self._let_go()
        return code

    def close(self) -> None:
        """Lets the terminal go."""
        self._let_go()
        os.close(self._keyboard)

    def _let_go(self) -> None:
        """With nobody left to write, the reader comes to an end."""
        if self._screen is not None:
            os.close(self._screen)
            self._screen = None
        self._reader.join(5)


@contextmanager
def on_terminal(*words: str, cwd: Path, **variables: str) -> Iterator[Terminal]:
    """A command under way; it does not outlive the block."""
    keyboard, screen = pty.openpty()
    ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    # A session's first process that opens a terminal gets it as its own, and with it Ctrl-C.
    opens_it = ["/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(screen)]
    process = subprocess.Popen(
        [*opens_it, *COMMAND, *words],
        cwd=cwd,
        env=environment(cwd) | {"TERM": "xterm-256color"} | variables,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    terminal = Terminal(process, keyboard, screen)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait(20)
        terminal.close()
