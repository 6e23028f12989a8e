"""The error for a configuration that cannot be used: one sentence naming file, field and what was wrong.

Guarantees: the sentence fits on a line and holds no control characters from the file; what may be a
secret never appears in it (the rules of such fields give their own `got`).
"""

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path

from portfold.errors import UNUSABLE, PortfoldError

_SHOWN = 60
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


class ConfigError(PortfoldError):
    """What is wrong with the configuration file `path`; `field` is empty when it is wrong as a whole."""

    exit_code = UNUSABLE

    def __init__(self, path: Path, field: str, expected: str, got: str) -> None:
        super().__init__(path, field, expected, got)
        self.path = path
        self.field = field
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        where = f"{self.path}: {self.field}" if self.field else str(self.path)
        return f"{where}: expected {self.expected}, got {self.got}."


class MissingConfigError(ConfigError):
    """The folder that was asked for holds no portfolio_optimization.json."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "", "a portfolio optimization config", "no such file")

    def __str__(self) -> str:
        file, folder = shlex.quote(str(self.path)), shlex.quote(str(self.path.parent))
        export = f"--results results/greedy_optimization_results.csv --output {file}"
        return (
            f"No portfolio optimization config found: {self.path}. "
            f"Make one from the optimizer's results with `portfold research export {export}` "
            f"(or `python3 research/export_portfolio_config.py {export}`), "
            f"or copy the packaged defaults with `portfold config init {folder}`."
        )


class UnfitError(ValueError):
    """Raised by a rule whose value breaks it; the reader adds the file and makes a `ConfigError` of it.

    `got` None: the offending value is described as it stands. `field`: which field of a struct, when
    the rule spans several.
    """

    def __init__(self, expected: str, got: str | None = None, field: str = "") -> None:
        message = f"expected {expected}" if got is None else f"expected {expected}, got {got}"
        super().__init__(f"{field}: {message}" if field else message)
        self.expected = expected
        self.got = got
        self.field = field


def describe(value: object) -> str:
    """Describes a JSON value in a few words: short ones as written, containers by their kind."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return str(value)
    return _quoted(value)


def reason(error: OSError | ValueError) -> str:
    """Says why the operating system, or Python before asking it, would not open something."""
    message = error.strerror if isinstance(error, OSError) else None
    return f"an error: {message or error}"


def joined(where: str, key: str) -> str:
    """Joins `where` and `key` by a dot, as in `trading_day.zone`; quotes a key that is no plain name."""
    shown = key if _PLAIN_KEY.fullmatch(key) else _quoted(key)
    return f"{where}.{shown}" if where else shown


def _quoted(value: object) -> str:
    text = json.dumps(value)  # escapes everything beyond ASCII, so nothing here can steer a terminal
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
