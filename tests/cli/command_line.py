"""The command `portfold` as a person runs it: a process of its own, in a folder of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple
from unittest.mock import patch

from cyclopts import App

from portfold.cli.main import build_app, run
from tests.forked import Forked
from tests.server import ROLES
from tests.waiting import until

_A_USERS_OWN = ("PORTFOLD_", "NO_COLOR", "FORCE_COLOR", "TTY_")
COMMAND = [sys.executable, "-P", "-m", "portfold"]


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def environment(home: Path) -> dict[str, str]:
    """Ours, without what this machine's user has set for portfold, and with `home` for what it keeps.

    As in an activated environment the shell finds the command.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_A_USERS_OWN)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return (
        kept | ROLES | {"PATH": path, "XDG_STATE_HOME": str(home / "state"), "COLUMNS": "80", "TERM": "dumb"}
    )


def portfold(*words: str, cwd: Path, seconds: float = 150, **variables: str) -> Ran:
    """Runs a command to its end."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = _begun(words, cwd, variables, out, err)
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        said = [_text(file) for file in (out, err)]
    return Ran(code, *said)


@cache
def _built() -> App:
    """The command line, built once for all that is called here."""
    return build_app()


def exit_code(words: Sequence[str]) -> int:
    """Runs a command within this process, whose streams and environment are its own; returns how it ended."""
    return run(words, build=_built)


def called(*words: str, cwd: Path, **variables: str) -> Ran:
    """The same within this process, at a fraction of the time: for what needs no process of its own."""
    out, err = StringIO(), StringIO()
    with (
        contextlib.chdir(cwd),
        patch.dict(os.environ, environment(cwd) | variables, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = exit_code(words)
    return Ran(code, out.getvalue(), err.getvalue())


class Running(NamedTuple):
    """A command under way, and the file that holds all it says."""

    process: "Forked | subprocess.Popen[bytes]"
    said: Path

    def says(self, text: str) -> str:
        """Waits until it has said `text`; returns all it has said."""
        until(lambda: text in self.said.read_text() or self.process.poll() is not None, f"it to say {text!r}")
        said = self.said.read_text()
        assert text in said, f"it ended without saying {text!r}: {said}"
        return said

    def ends(self) -> int:
        """Waits for its end; returns its exit code."""
        return self.process.wait(90)


@contextmanager
def started(*words: str, cwd: Path, **variables: str) -> Iterator[Running]:
    """A command under way; none outlives the block."""
    said = cwd / f"{words[0]}-{len(list(cwd.glob('*.said')))}.said"
    with said.open("wb") as output:
        process = _begun(words, cwd, variables, output, output)
    try:
        yield Running(process, said)
    finally:
        process.kill()
        process.wait(20)


def _begun(
    words: Sequence[str], cwd: Path, variables: dict[str, str], out: IO[bytes], err: IO[bytes]
) -> "Forked | subprocess.Popen[bytes]":
    """A command under way, with nothing to read: forked, unless a variable is for Python as it starts."""
    whole = environment(cwd) | variables
    if any(name.startswith("PYTHON") for name in variables):
        nothing = subprocess.DEVNULL
        return subprocess.Popen([*COMMAND, *words], cwd=cwd, env=whole, stdin=nothing, stdout=out, stderr=err)
    return Forked("portfold", words, folder=cwd, environment=whole, out=out, err=err)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
