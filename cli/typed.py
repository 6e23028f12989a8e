"""Commands in what is printed, as they can be typed where the user is.

Sentences name commands plainly, `portfold status`, wherever they are made. Before one is shown it goes
through `typed`: the command is called as this one was (`.venv/bin/portfold` in a checkout), and has the
`--url`, `--portfolio` and `--config` that were given to this one, where it takes them: else it would look at
another portfolio. What stands in variables is there the next time too. No password is repeated.

Log lines on a terminal go the same way. Logs for machines, and alerts, are read elsewhere and keep the plain
names.
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
    *("coordinator", "worker", "run", "flattener", "notifier"),
    *("halt", "resume", "flatten", "limits", "settle", "acknowledge", "retire", "reconcile"),
    *("status", "tail", "doctor", "archive"),
    *("audit verify", "audit anchor", "audit why", "audit at", "audit show"),
    "research train",
    *("audit day", "audit week", "audit copy", "audit export", "audit what-if"),
)
"""The commands that take all three options."""
TAKING_CONFIG = ("research backtest", "research simulate", "research optimize", "research report", "demo")
"""Those that take `--config` alone."""
TAKING_NONE = (
    *("audit keygen", "audit import", "research export", "config init"),
    *("server", "completion", "audit", "research", "--help"),
)
"""The others, groups of commands among them, which sentences name as well."""
_LONGEST_FIRST = sorted((*TAKING_ALL, *TAKING_CONFIG, *TAKING_NONE), key=len, reverse=True)
_COMMAND = re.compile(rf"(?<![\w./-]){_NAME} (?P<words>{'|'.join(_LONGEST_FIRST)})(?![\w-])")
_END = re.compile(r"[`;\n]")
"""Where at the latest a command in a sentence is over."""


class _Here(NamedTuple):
    """How the command is called here, and the options that were given, each with its value."""

    call: str
    given: tuple[tuple[str, str], ...]


_PLAIN = _Here(_NAME, ())
_HERE: ContextVar[_Here] = ContextVar("here", default=_PLAIN)


@contextmanager
def begun_as(words: Sequence[str], call: str = _NAME) -> Iterator[None]:
    """Remembers the words of a command and how it was called, for all that it prints."""
    before = _HERE.set(_Here(call, tuple(_given(words))))
    try:
        yield
    finally:
        _HERE.reset(before)


def typed(sentence: str) -> str:
    """The sentence, its commands as they can be typed here."""
    return _typed(_HERE.get(), sentence)


def typing_here() -> Callable[[str], str]:
    """The same for threads that know nothing of this command."""
    return partial(_typed, _HERE.get())


def _typed(here: _Here, sentence: str) -> str:
    def there(found: re.Match[str]) -> str:
        words, rest = found["words"], _END.split(sentence[found.end() :], maxsplit=1)[0]
        takes = _OPTIONS if words in TAKING_ALL else ("--config",) if words in TAKING_CONFIG else ()
        more = [f"{name} {value}" for name, value in here.given if name in takes and f"{name} " not in rest]
        return " ".join([here.call, words, *more])

    return _COMMAND.sub(there, sentence)


def tell_aside(sentence: str) -> None:
    """Says something beside the matter on stderr, as it can be typed here; not where that cannot be written.

    Guarantees: a full disk or a reader that is gone keeps back nothing that comes after it.
    """
    with suppress(OSError):
        print(f"{_NAME}: {typed(sentence)}", file=sys.stderr)


def own_call() -> str:
    """How this process was called, so that it works in this folder: `portfold` where the shell finds it."""
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
    """The options among the words of a command line, the last of each."""
    given: dict[str, str] = {}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _OPTIONS and (equals or place + 1 < len(words)):
            given[name] = value if equals else words[place + 1]
    if "--url" in given:
        from portfold.events.wire.connection import without_secrets

        given["--url"] = without_secrets(given["--url"])
    return [(name, shlex.quote(given[name])) for name in _OPTIONS if name in given]
