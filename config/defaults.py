"""A configuration to start from: the packaged files, copied to a folder of the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path

from portfold.config.errors import ConfigError, reason
from portfold.config.locate import CONTRACTS_FILE, PACKAGED, PORTFOLIO_FILE, RUNTIME_FILE


def write_defaults(folder: Path) -> tuple[Path, ...]:
    """Copies the packaged files to `folder`, which is made if need be, and returns their paths there.

    Never overwrites: if any of them is there already, nothing is written. `ConfigError` then, and if the
    folder cannot be made or written to.
    """
    names = (PORTFOLIO_FILE, RUNTIME_FILE, CONTRACTS_FILE)
    return write_files(folder, {name: (PACKAGED / name).read_bytes() for name in names})


def write_files(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Writes files of these names to `folder`, as `write_defaults` does. Raises ConfigError."""
    for name in contents:
        if os.path.lexists(folder / name):
            raise ConfigError(folder / name, "", "no such file yet", "one that would be overwritten")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with (folder / name).open("xb") as file:
                file.write(content)
    except (OSError, ValueError) as error:
        raise ConfigError(folder, "", "a folder to write to", reason(error)) from error
    return tuple(folder / name for name in contents)
