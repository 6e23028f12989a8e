"""Rewrites commands in printed sentences so that the user can type them as they stand.

All sentences name commands plainly, as `portfold status`. `typed` rewrites them before they are shown: the
command is called as this one was (`.venv/bin/portfold` in a checkout), and gets the `--url`, `--portfolio`
and `--config` that this one was given, where it takes them: without them it would look at another
portfolio. Values from environment variables are not repeated, and no password is.

Log lines on a terminal are rewritten too. Logs for machines, and alerts, are read elsewhere and keep the
plain names.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import NamedTuple

_NAME = "portfold"
_OPTIONS = ("--url", "--portfolio", "--config")

TAKING_ALL = (
    *("coordinator", "worker", "run", "flattener", "feed", "account", "account cash", "notifier"),
    *("halt", "resume", "flatten", "lockout", "limits", "settle", "acknowledge", "retire", "reconcile"),
    *("renew", "drill"),
    *("calendar publish", "calendar news", "calendar show"),
    *("status", "ask", "tail", "shadow", "doctor", "dashboard", "archive", "acl", "keys new"),
    *("audit verify", "audit anchor", "audit why", "audit at", "audit show"),
    "research train",
    *(
        "audit day",
        "audit week",
        "audit expected",
        "audit tear-sheet",
        "audit copy",
        "audit export",
        "audit what-if",
    ),
)
"""The commands that take all three options."""
TAKING_CONFIG = (
    *("research backtest", "research simulate", "research sensitivity", "research optimize"),
    *(
        "research report",
        "research prove",
        "research walk-forward",
        "research tune",
        "research tear-sheet",
        "demo",
        "config jumps",
    ),
)
"""The commands that take `--config` alone."""
TAKING_NONE = (
    *("audit keygen", "audit import", "research export", "config init", "config check", "config show"),
    *("config schema", "keys show", "keys give", "keys drop"),
    *("strategy new", "strategy check", "strategy"),
    *("dashboard user add", "dashboard user remove"),
    *("server", "units", "completion", "audit", "calendar", "research", "--help"),
)
"""The commands, and groups of commands, that take none of them."""
_LONGEST_FIRST = sorted((*TAKING_ALL, *TAKING_CONFIG, *TAKING_NONE), key=len, reverse=True)
_COMMAND = re.compile(rf"(?<![\w./-]){_NAME} (?P<words>{'|'.join(_LONGEST_FIRST)})(?![\w-])")
_ENDS = r"(?=[.,:;)]*(?:\s|$))"
_VALUE = rf"""(?:'[^']*'|"[^"]*"|\S+?{_ENDS})"""
_NAMED = rf"""(?:'[^']*'|"[^"]*"|\S*?[A-Z0-9]\S*?{_ENDS})"""
_ARGUMENTS = rf"(?: (?:--?[a-z][a-z-]*(?:[ =](?!-){_VALUE})?|{_NAMED}))*"
"""Options, each with its value, and what is named by them: in capitals, quoted, or with a digit."""
_END = re.compile(r"[`;\n]")
"""Ends a command in a sentence at the latest."""


class _Here(NamedTuple):
    """How the command is called here, and the options that were given, each with its value."""

    call: str
    given: tuple[tuple[str, str], ...]


_PLAIN = _Here(_NAME, ())
_HERE: ContextVar[_Here] = ContextVar("here", default=_PLAIN)


@contextmanager
def begun_as(words: Sequence[str], call: str = _NAME) -> Iterator[None]:
    """Remembers a command's words and how it was called, for all that it prints within the block."""
    before = _HERE.set(_Here(call, tuple(_given(words))))
    try:
        yield
    finally:
        _HERE.reset(before)


def typed(sentence: str) -> str:
    """Returns the sentence with its commands as they can be typed here."""
    return _typed(_HERE.get(), sentence)


def typing_here() -> Callable[[str], str]:
    """Returns `typed` bound to this command, for threads, which do not inherit its context."""
    return partial(_typed, _HERE.get())


def _typed(here: _Here, sentence: str) -> str:
    def here_typed(found: re.Match[str]) -> str:
        words, rest = found["words"], _END.split(sentence[found.end() :], maxsplit=1)[0]
        takes = _OPTIONS if words in TAKING_ALL else ("--config",) if words in TAKING_CONFIG else ()
        more = [f"{name} {value}" for name, value in here.given if name in takes and f"{name} " not in rest]
        return " ".join([here.call, words, *more])

    return _COMMAND.sub(here_typed, sentence)


def command_spans(sentence: str) -> list[tuple[int, int]]:
    """Returns where each command with its arguments begins and ends, in a sentence that is typed already."""
    words = "|".join(map(re.escape, _LONGEST_FIRST))
    command = rf"(?<![\w./-]){re.escape(_HERE.get().call)} (?:{words})(?![\w-]){_ARGUMENTS}"
    return [found.span() for found in re.finditer(command, sentence)]


def print_note(sentence: str) -> None:
    """Prints a note on stderr, its commands as they can be typed here.

    Guarantees: a note that cannot be written, on a full disk or to a closed pipe, raises nothing.
    """
    with suppress(OSError):
        print(f"{_NAME}: {typed(sentence)}", file=sys.stderr)


def own_call() -> str:
    """Returns how to call this process from this folder: `portfold` where the shell finds it."""
    called = Path(sys.argv[0])
    if called.name != _NAME:  # a script of research, say: the command lies beside its Python
        called = Path(sys.executable).with_name(_NAME)
    if not called.exists():
        return _NAME
    found = shutil.which(_NAME)
    if found is not None and Path(found).resolve() == called.resolve():
        return _NAME
    whole, here = Path(os.path.abspath(called)), Path.cwd()  # noqa: PTH100 - links stay as they were typed
    return shlex.quote(str(whole.relative_to(here) if whole.is_relative_to(here) else whole))


def _given(words: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the options among the words of a command line; of a repeated one the last counts."""
    given: dict[str, str] = {}
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _OPTIONS and (equals or index + 1 < len(words)):
            given[name] = value if equals else words[index + 1]
    if "--url" in given:
        from portfold.events.wire.connection import without_secrets

        given["--url"] = without_secrets(given["--url"])
    return [(name, shlex.quote(given[name])) for name in _OPTIONS if name in given]
