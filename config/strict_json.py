"""Reads JSON as a configuration needs it: numbers exact, nothing ambiguous, a sentence for what is wrong.

Guarantees: a number with a point or an exponent becomes the `Decimal` of its own digits, never a float;
a key given twice in one object is refused rather than one of the two picked; NaN and Infinity are
refused; a file is a regular file of at most 1 MB in UTF-8 (a leading byte order mark is allowed, some
editors write it); nothing but `ConfigError` is raised.
"""

import json
import os
import stat
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from portfold.config.errors import ConfigError, UnfitError, describe, reason

LARGEST_FILE = 1_000_000
# Far beyond any number a configuration means, and small enough that no arithmetic on one can take long.
_LONGEST_NUMBER = 64
_LARGEST_EXPONENT = 400


def read_json(path: Path) -> object:
    """Reads the tree of a JSON file: dict, list, str, int, Decimal, bool, None.

    Raises ConfigError, also for a file that is not there; where that has a meaning, ask `exists` first.
    """
    text = _read_text(path)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_not_finite,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(path, "", "valid JSON", f"a mistake at {place}: {error.msg}") from error
    except UnfitError as error:
        raise ConfigError(path, "", error.expected, str(error.got)) from error
    except RecursionError as error:
        raise ConfigError(path, "", "a few levels of nesting", "too many to read") from error


def exists(path: Path) -> bool:
    """Returns whether something of that name is there, readable or not.

    A broken link or a folder without permission counts as there: reading it then says what is wrong.
    To treat it as absent would silently use another file.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def _read_text(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ConfigError(path, "", "a file", "a folder")
        if not stat.S_ISREG(mode):  # a pipe would be waited for, a device never ends
            raise ConfigError(path, "", "a regular file", "a pipe, socket or device")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(path, "", "a readable file", reason(error)) from error
    if len(content) > LARGEST_FILE:
        raise ConfigError(path, "", f"a file of at most {LARGEST_FILE} bytes", "a larger one")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{content[error.start]:02x} at offset {error.start}"
        raise ConfigError(path, "", "text in UTF-8", byte) from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise UnfitError("each key once in an object", f"{describe(key)} twice")
            seen.add(key)
    return tree


def _decimal(digits: str) -> Decimal:
    try:
        value = Decimal(digits) if len(digits) <= _LONGEST_NUMBER else None
    except InvalidOperation:  # an exponent beyond what a Decimal can hold
        value = None
    if value is None or abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise UnfitError("numbers of a sensible size", _shortened(digits))
    return value


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise UnfitError("numbers of a sensible size", _shortened(digits))
    return int(digits)


def _not_finite(name: str) -> NoReturn:
    raise UnfitError("finite numbers", name)


def _shortened(digits: str) -> str:
    return digits if len(digits) <= 24 else f"{digits[:24]}… ({len(digits)} characters)"
