"""The result of a check: fine, worth knowing, or not fit for the open; and what to do about it."""

from typing import Literal, NamedTuple

Level = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """`check` is the check's name, `text` what was found; `remedy` what to do, nothing where it is ok."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """Finds it fit."""
    return Finding(check, "ok", text)


def warn(check: str, text: str, remedy: str) -> Finding:
    """Finds that it will do, and that somebody should know."""
    return Finding(check, "warn", text, remedy)


def fail(check: str, text: str, remedy: str) -> Finding:
    """Finds it not fit: trading as it is would go wrong, or not go at all."""
    return Finding(check, "fail", text, remedy)
