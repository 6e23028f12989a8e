"""Finds what the configuration names: one of ours by its name, or a function in a file of the user's own.

    "broker": {"kind": "paper"}                                   one of ours
    "broker": {"kind": "my_broker.py:open_broker"}                a file beside runtime.json
    "broker": {"kind": "their_package.brokers:open_broker"}       a module that is installed

So a new broker or feed is one file and one entry in the configuration. The user's code is run as it is, with
all his rights: a configuration is trusted like a program. So nothing is run that anybody else on the machine
can write, or put in its place.
"""

import grp
import os
import pwd
import stat
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from msgspec import Struct

from portfold.config import ConfigError
from portfold.config.errors import describe
from portfold.config.reading import read_strict

Factory = Callable[..., Any]
Shape = TypeVar("Shape", bound=Struct)


def find(kind: str, ours: Mapping[str, str], file: Path, field: str) -> Factory:
    """Returns the function that `kind` names; `ours` are the names we know, as `module:name`.

    Raises ConfigError, which blames `field` of `file`, the configuration that says so.
    """
    source, _, name = ours.get(kind, kind).rpartition(":")
    if not source:
        known = ", ".join(ours)
        raise ConfigError(file, field, f"one of {known}, or FILE.py:NAME for one of your own", describe(kind))
    if source.endswith(".py"):
        _refuse_writable(file.parent / source, file, field)
    try:
        module = _load(file.parent / source) if source.endswith(".py") else import_module(source)
        found = getattr(module, name)
    except Exception as error:  # the user's file may fail in any way there is
        raise ConfigError(file, field, "something to import", f"{describe(kind)}: {_why(error)}") from error
    if not callable(found):
        raise ConfigError(file, field, "the name of a function", f"{describe(kind)}, which is none")
    return found  # type: ignore[no-any-return]  # callable, and no more can be known of it


def read_options(shape: type[Shape], options: Mapping[str, object], file: Path, field: str) -> Shape:
    """Returns the struct that an entry's `options` describe, by the rules in its fields (see `config.rules`).

    Raises ConfigError for an unknown key or a value that breaks a rule.
    """
    if options and not shape.__struct_fields__:
        raise ConfigError(file, field, "nothing: this kind has no options", ", ".join(options)[:80])
    return read_strict(shape, dict(options), file, field)


def _refuse_writable(path: Path, file: Path, field: str) -> None:
    """Raises ConfigError for code that somebody else on this machine could have written or exchanged."""
    try:
        real = path.resolve(strict=True)
        found = [(place, who_else(place.stat())) for place in (*reversed(real.parents), real)]
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(file, field, "a file that is there", f"{path}: {_why(error)}") from error
    for place, (who, remedy) in found:
        if who:
            expected = "a file, in folders, that nobody else can write, as it is run with all your rights"
            raise ConfigError(file, field, expected, f"{place}, which {who}: {remedy} {place}")


def who_else(facts: os.stat_result) -> tuple[str, str]:
    """Says who else may write the file, or put another in the folder's place of one, and how to end that.

    In a folder as /tmp is, others may add files and exchange none. A group that is one's own alone is nobody
    else.
    """
    if facts.st_uid not in (0, os.geteuid()):
        return "belongs to another user", f"chown {os.geteuid()}"
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & stat.S_ISVTX:
        return "", ""
    if facts.st_mode & stat.S_IWOTH:
        return "everybody can", "chmod o-w"
    if facts.st_mode & stat.S_IWGRP and not _is_ones_own(facts.st_gid):
        return "its group can", "chmod g-w"
    return "", ""


def _is_ones_own(group: int) -> bool:
    """Returns whether nobody else is in the group, as far as the machine knows."""
    try:
        me, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group).gr_mem
    except KeyError:
        return False
    return group == me.pw_gid and set(members) <= {me.pw_name}


def _load(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _why(error: Exception) -> str:
    line = " ".join(str(error).split())
    return f"{type(error).__name__}: {line}"[:200]
