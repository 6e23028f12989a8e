"""`portfold config`: the user's own configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.rows import in_columns
from portfold.cli.setup.jumps import jumps

if TYPE_CHECKING:
    from portfold.config import Configuration


def register(app: App) -> None:
    """Adds the group."""
    group = App(name="config", help="Make a configuration of your own, read it without a server.")
    group.command(init)
    group.command(check)
    group.command(show)
    group.command(schema)
    group.command(jumps)
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


def check(folder: Path | None = None, /) -> int:
    """Read a configuration as every command does, and all it names, without a server.

    Strategies and models are opened as their workers open them; a file of
    your own is run for that. Prints what is wrong, and which variables are
    named and not set in this environment; 1 if there is anything.

    For example:

        portfold config check mine

    Parameters
    ----------
    folder
        Which one; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from portfold.cli.exits import FAILED, OK
    from portfold.cli.setup.config_in_force import troubles

    configuration = _loaded(folder)
    for line in _files(configuration):
        print(line)
    for warning in configuration.portfolio.warnings:
        print(warning)
    found = list(troubles(configuration))
    for line in found:
        print(line)
    if not found:
        print("All of it can be used.")
    return FAILED if found else OK


def show(
    folder: Path | None = None, /, *, own: Annotated[bool, Parameter(show_default=False)] = False
) -> None:
    """Show every value that is in force, and where it comes from, without a server.

    A value is of a file, of the entry "default" of workers, or a default.
    Limits that were ordered since are on the log: portfold limits.

    For example:

        portfold config show mine --own

    Parameters
    ----------
    folder
        Which one; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    own
        Only what is not a default.
    """
    from portfold.cli.setup.config_in_force import in_force, with_default_worker

    configuration = _loaded(folder)
    for line in _files(configuration):
        print(line)
    values = with_default_worker(list(in_force(configuration)), configuration.files.runtime.path)
    shown = [one for one in values if not (own and one.origin == "default")]
    for line in in_columns([("Key", "From", "Value"), *shown], left=frozenset([0, 1, 2])):
        print(line)


def schema(file: Literal["runtime", "portfolio"] = "runtime", /) -> None:
    """Print a file's keys, bounds, defaults and meanings as JSON Schema, for editors.

    In Visual Studio Code a file of settings names it under json.schemas; in
    others likewise. The file itself takes no $schema.

    For example:

        portfold config schema runtime

    Parameters
    ----------
    file
        Which: runtime.json or portfolio_optimization.json.
    """
    import json

    from portfold.cli.setup.config_schema import portfolio_schema, runtime_schema

    found = runtime_schema() if file == "runtime" else portfolio_schema()
    print(json.dumps(found, indent=2, ensure_ascii=False))


def _loaded(folder: Path | None) -> "Configuration":
    import os

    from portfold.config import load

    return load(str(folder) if folder is not None else None, os.environ, Path.cwd())


def _files(configuration: "Configuration") -> Iterator[str]:
    files = configuration.files
    for file in (files.portfolio, files.runtime, files.contracts):
        yield f"{file.path}{' (packaged)' if file.packaged else ''}"
