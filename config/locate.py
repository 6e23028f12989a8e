"""Which folder the configuration is read from, and how that came about.

In this order: the `--config` argument, the environment variable PORTFOLD_CONFIG, `./config` if it holds a
portfolio_optimization.json, the defaults packaged with the program. The result says how the
folder was chosen: a default that nobody asked for must not change the limits of a running portfolio.
"""

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
