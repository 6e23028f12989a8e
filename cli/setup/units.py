"""`portfold units`: systemd units by which a machine runs a portfolio."""

import re
import shutil
import sys
from pathlib import Path

from cyclopts import App

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_FOLDER = re.compile(r"/[A-Za-z0-9._/-]*")


def register(app: App) -> None:
    """Adds the command."""
    app.command(units)


def units(folder: Path, /, *, user: str = "portfold", configurations: Path = Path("/etc/portfold")) -> None:
    """Write systemd units: coordinator, standby, workers, alerts, page, archive.

    An instance is a portfolio. A process that ends is started again; the
    coordinator tells systemd that it is ready and that it goes on, and is
    replaced where it hangs. None may write outside /var/lib/portfold.
    Workers trade on paper until RUN_OPTIONS in the portfolio's `environment`
    says otherwise. Nothing is overwritten.

    For example, as root, for the portfolio in /etc/portfold/desk:

        portfold units /etc/systemd/system
        systemctl enable --now portfold@desk.target

    Parameters
    ----------
    folder
        Where they go, such as /etc/systemd/system.
    user
        Whom the processes run as.
    configurations
        The folder that has a folder of configuration for each portfolio; in that, if needed, `environment`.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.setup.unit_files import units as all_units
    from portfold.config.defaults import write_files

    if not _USER.fullmatch(user):
        raise Unusable(f"--user: expected the name of a user, such as portfold, got {user[:40]!r}.")
    if not _FOLDER.fullmatch(str(configurations)):
        raise Unusable(
            "--configurations: expected a folder from / on, of letters, digits and ., _, -, "
            f"got {str(configurations)[:80]!r}."
        )
    program = shutil.which("portfold", path=str(Path(sys.executable).parent)) or shutil.which("portfold")
    if program is None or not _FOLDER.fullmatch(program):
        raise Unusable(
            f"units: expected the program portfold in a folder without blanks, got {program or 'none'}."
        )
    texts = {name: text.encode() for name, text in all_units(program, str(configurations).rstrip("/"), user)}
    for path in write_files(folder, texts):
        print(path)
    print("To start one: systemctl daemon-reload; systemctl enable --now portfold@NAME.target")
