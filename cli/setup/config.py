"""`portfold config`: the user's own configuration."""

from pathlib import Path

from cyclopts import App


def register(app: App) -> None:
    """Adds the group."""
    group = App(name="config", help="Make a configuration of your own.")
    group.command(init)
    app.command(group)


def init(folder: Path, /, *, profile: Path | None = None) -> None:
    """Copy the packaged configuration to a folder, to change it there.

    Nothing is overwritten. The folder is used when --config or PORTFOLD_CONFIG
    names it, or when it is ./config.

    A profile is the rule by which a firm ends an account, as data with its
    source and date: docs/limits.md has what is in one. Our limits follow from
    it, and are tighter by its margin. Two examples come along, with nobody's
    numbers: example-end-of-day and example-real-time.

    For example:

        portfold config init config
        portfold config init config --profile example-end-of-day

    Parameters
    ----------
    folder
        Where the three files go; it is made if need be.
    profile
        The file of a firm's rules, or the name of an example; it is copied to
        the folder as profile.json.
    """
    from portfold.config import write_defaults

    if profile is None:
        written = write_defaults(folder)
    else:
        from portfold.config.profiles import find_profile, write_from_profile

        path, read = find_profile(profile)
        written = write_from_profile(folder, read, path)
        print(f"{read.name}: as of {read.as_of}, {read.source}")
    for path in written:
        print(path)
