"""Which folder the configuration is read from, and how that came about.

In this order: the `--config` argument, the environment variable PORTFOLD_CONFIG, `./config` if it holds a
portfolio_optimization.json, the defaults packaged with the program. The result says how the
folder was chosen: a default that nobody asked for must not change the limits of a running portfolio.

What must outlive a terminal lies in the user's state folder where a command names no other, and not in the
working folder: a server or a worker started from elsewhere must find the same log and the same book.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from portfold.config.errors import ConfigError
from portfold.config.strict_json import exists

PORTFOLIO_FILE = "portfolio_optimization.json"
RUNTIME_FILE = "runtime.json"
CONTRACTS_FILE = "contracts.json"
ENVIRONMENT_VARIABLE = "PORTFOLD_CONFIG"
CREDENTIALS_VARIABLE = "PORTFOLD_CREDENTIALS"
_HERE = ("127.0.0.1", "localhost")
PACKAGED = Path(__file__).resolve().parent  # the files lie beside this module, in a checkout and in a wheel

ChosenBy = Literal["argument", "environment", "working folder", "packaged default"]


class ConfigSource(Struct, frozen=True):
    """The folder of the configuration and what led to it."""

    folder: Path
    chosen_by: ChosenBy

    @property
    def asked_for(self) -> bool:
        """Returns false for the packaged default, which is used only where nothing else was found."""
        return self.chosen_by != "packaged default"


def locate(argument: str | None, environ: Mapping[str, str], cwd: Path) -> ConfigSource:
    """Finds the folder to use; relative names are taken from `cwd`. An empty PORTFOLD_CONFIG counts as unset.

    Raises ConfigError if the argument or the variable names a file. Does not look into the folder: reading
    it shows whether it holds what it should.
    """
    named = environ.get(ENVIRONMENT_VARIABLE)
    if argument is not None:
        return ConfigSource(_folder(cwd, argument, "--config"), "argument")
    if named:
        return ConfigSource(_folder(cwd, named, ENVIRONMENT_VARIABLE), "environment")
    here = cwd / "config"
    if exists(here / PORTFOLIO_FILE):
        return ConfigSource(here, "working folder")
    return ConfigSource(PACKAGED, "packaged default")


def _folder(cwd: Path, name: str, said_in: str) -> Path:
    if not name:
        raise ConfigError(cwd, said_in, "the name of a folder", "nothing")
    folder = cwd / name
    if _is_file(folder):
        raise ConfigError(folder, said_in, f"the folder that holds {PORTFOLIO_FILE}", "a file")
    return folder


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a name too long, a folder without permission: reading in it will tell


def state_folder() -> Path:
    """Returns $XDG_STATE_HOME/portfold, else ~/.local/state/portfold. Does not make it."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "portfold"


def usual_server_folder() -> Path:
    """Returns where `portfold server` and `run --embedded` keep their data."""
    return state_folder() / "server"


def credentials_file(url: str, environ: Mapping[str, str]) -> Path | None:
    """Returns the file of passwords for the server at that address; None where none is known."""
    named = environ.get(CREDENTIALS_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    folder = usual_server_folder()
    file = folder / "users.json"
    return file if file.is_file() and _runs_at(url, folder / "server.lock") else None


def _runs_at(url: str, lock: Path) -> bool:
    """Returns whether a server of ours that has noted this address runs, and so holds the lock."""
    import fcntl  # noqa: PLC0415 - absent on Windows, where there is no embedded server

    addresses = {url.replace(_HERE[1], _HERE[0]).rstrip("/"), f"{url.replace(_HERE[1], _HERE[0])}/0"}
    try:
        with lock.open("rb") as file:
            if not addresses & set(os.fsdecode(file.read(200)).split()):
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
