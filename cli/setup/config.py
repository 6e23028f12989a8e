"""`portfold config`: the user's own configuration."""

from pathlib import Path

from cyclopts import App


def register(app: App) -> None:
    """Adds the group."""
    group = App(name="config", help="Make a configuration of your own.")
    group.command(init)
    app.command(group)


def init(folder: Path, /) -> None:
    """Copy the packaged configuration to a folder, to change it there.

    Nothing is overwritten. The folder is used when --config or PORTFOLD_CONFIG
    names it, or when it is ./config.

    For example:

        portfold config init config

    Parameters
    ----------
    folder
        Where the three files go; it is made if need be.
    """
    from portfold.config import write_defaults

    for path in write_defaults(folder):
        print(path)
