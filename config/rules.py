"""The rules a single value of the configuration can be held to, each with its own words for what it expects.

A rule stands in the type of a field (`Annotated[int, Whole(1, 50, "positions")]`), so bound and sentence
are written once and cannot disagree. A rule reads what the JSON held (see `config.strict_json`) and gives
the value of the field, or raises `UnfitError`.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.bounds import CLOCK_TIME, SYMBOL
from portfold.config.errors import UnfitError, describe
from portfold.servers.several import EXPECTED, SeveralServers

_DECIMAL_TEXT = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_NOT_SHOWN = "a text that is not shown, as it may be a secret"


class Rule(Struct, frozen=True):
    """What a field's value must satisfy."""

    @property
    def expected(self) -> str:
        """Returns the expectation in words, to follow "expected"."""
        raise NotImplementedError

    def read(self, value: object) -> object:
        """Returns the field's value. Raises UnfitError."""
        raise NotImplementedError


class Whole(Rule, frozen=True):
    """A whole number from `low` to `high`, both allowed, written as one: 4, not 4.0 and not "4"."""

    low: int
    high: int
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"a whole number{_of(self.unit)} from {self.low} to {self.high}"

    def read(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return value
        raise UnfitError(self.expected)


class Exact(Rule, frozen=True):
    """A decimal number from `low` to `high`, both allowed, with at most `decimals` decimals, kept exactly.

    Written as a JSON number; with `as_text` as a string of digits too, which spreadsheets and other
    readers leave alone. The value read has no trailing zeros, so 2500, 2500.0 and 2.5e3 are one.
    """

    low: Decimal
    high: Decimal
    decimals: int
    unit: str = ""
    as_text: bool = False

    @property
    def expected(self) -> str:
        bounds = f"from {_plain(self.low):f} to {_plain(self.high):f}"
        return f"a number{_of(self.unit)} {bounds} with at most {self.decimals} decimals"

    def read(self, value: object) -> Decimal:
        number = _number(value, as_text=self.as_text)
        if number is not None and self.low <= number <= self.high:
            plain = _plain(number)
            if _decimals(plain) <= self.decimals:
                return plain
        raise UnfitError(self.expected)


class Approximate(Rule, frozen=True):
    """A number from `low` to `high`, both allowed, as a float: for what is measured, never for money."""

    low: Decimal
    high: Decimal
    unit: str = ""

    @property
    def expected(self) -> str:
        return f"a number{_of(self.unit)} from {self.low:f} to {self.high:f}"

    def read(self, value: object) -> float:
        number = _number(value, as_text=False)
        if number is not None and self.low <= number <= self.high:
            return float(number)
        raise UnfitError(self.expected)


class Duration(Rule, frozen=True):
    """Seconds, in whole milliseconds, as a float (see `config.runtime.milliseconds`)."""

    high: int
    low: Decimal = Decimal("0.01")

    @property
    def expected(self) -> str:
        return self._exact.expected

    def read(self, value: object) -> float:
        return float(self._exact.read(value))

    @property
    def _exact(self) -> Exact:
        return Exact(self.low, Decimal(self.high), decimals=3, unit="seconds")


class YesOrNo(Rule, frozen=True):
    """A flag, written as one: true, not 1 and not "true"."""

    expected: str = "true or false"

    def read(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise UnfitError(self.expected)


class Searched(Struct, frozen=True):
    """Where research looks for a good value of a parameter: from `low` to `high`, both tried, by `step`.

    It stands beside the rule of the field, which alone says what may be configured.
    """

    low: int | Decimal
    high: int | Decimal
    step: int | Decimal = 1


class Text(Rule, frozen=True):
    """A string that matches `pattern` from end to end. An error never repeats the value of a `secret` one."""

    pattern: str
    expected: str
    secret: bool = False

    def read(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            return value
        raise UnfitError(self.expected, _NOT_SHOWN if self.secret and isinstance(value, str) else None)


class NumberOrText(Text, frozen=True):
    """The same, where a number alone may be written as one: 2, and "2 ES=4"."""

    def read(self, value: object) -> str:
        number = _number(value, as_text=False)
        return super().read(value if number is None else f"{_plain(number):f}")


class Folder(Rule, frozen=True):
    """The absolute path of a folder, as a process may be started anywhere. The folder need not exist."""

    expected: str = "the whole path of a folder, such as /var/lib/portfold/archive"

    def read(self, value: object) -> str:
        if isinstance(value, str) and value.isprintable() and Path(value).is_absolute():
            return value
        raise UnfitError(self.expected)


class Options(Rule, frozen=True):
    """An object whose contents are not read here, but by whatever it configures (see `read_options`)."""

    expected: str = "an object"

    def read(self, value: object) -> Mapping[str, object]:
        if isinstance(value, dict):
            return value
        raise UnfitError(self.expected)


class Distinct(Rule, frozen=True):
    """For a list already read: from `low` to `high` of them, none twice."""

    low: int
    high: int
    things: str

    @property
    def expected(self) -> str:
        return f"a list of {self.low} to {self.high} {self.things}, each once"

    def read(self, value: object) -> object:
        if not isinstance(value, tuple):
            raise UnfitError(self.expected)
        if not self.low <= len(value) <= self.high:
            raise UnfitError(self.expected, f"{len(value)} of them")
        again = _repeated(value)
        if again is not None:
            raise UnfitError(self.expected, f"{describe(again)} twice")
        return value


class Zone(Rule, frozen=True):
    """The name of a time zone that this machine's time zone data knows."""

    expected: str = "the name of a time zone, such as America/Chicago or UTC"

    def read(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", value):
            raise UnfitError(self.expected)
        try:
            ZoneInfo(value)
        except (ValueError, KeyError, OSError) as error:  # OSError: a region's folder, such as "America"
            raise UnfitError(self.expected) from error
        return value


class RedisUrl(Rule, frozen=True):
    """Where the server is, without any secret. An error never repeats it, as people do put a secret in.

    Options in the query are refused, but `db` (a unix socket has no other place for it): redis-py would take
    timeouts and retries from there, and a password.
    """

    expected: str = f"redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///SOCKET?db=DB, {EXPECTED}"

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise UnfitError(self.expected)
        try:
            parts = urlsplit(value)
            several = SeveralServers.named_by(value) is not None
            fits = bool(re.fullmatch(r"[!-~]{1,512}", value)) and (several or _names_a_server(parts))
        except ValueError as error:
            raise UnfitError(self.expected, _NOT_SHOWN) from error
        if parts.password is not None or "password" in parts.query:
            expected = "a URL without a password (redis_password_env names the variable that holds it)"
            raise UnfitError(expected, "one with a password")
        if not fits:
            raise UnfitError(self.expected, _NOT_SHOWN)
        return value


def _names_a_server(parts: SplitResult) -> bool:
    if parts.fragment or not re.fullmatch(r"(?:db=[0-9]{1,5})?", parts.query):
        return False
    if parts.scheme == "unix":
        return not parts.netloc and len(parts.path) > 1
    return (
        parts.scheme in ("redis", "rediss")
        and bool(parts.hostname)
        and parts.port != 0
        and bool(re.fullmatch(r"(?:/[0-9]{0,5})?", parts.path))
    )


_SYMBOL = "a symbol of 1 to 12 capitals or digits, such as ES or 6A"
Symbol = Annotated[str, Text(SYMBOL, _SYMBOL)]
SymbolOrDefault = Annotated[str, Text(rf"{SYMBOL}|default", f'{_SYMBOL}, or "default"')]
EnvironmentName = Annotated[
    str,
    Text(
        r"[A-Z][A-Z0-9_]{0,63}",
        "the name of an environment variable in capitals (the secret itself stays out of the file)",
        secret=True,
    ),
]

TIME_OF_DAY = Text(CLOCK_TIME, "a time of day as HH:MM, such as 17:00")
RANGES = Exact(Decimal("0.01"), Decimal(100), 4, "average true ranges")


def kind_of(example: str) -> Text:
    """Returns the rule of what one of ours is named by, or one of the user's own."""
    return Text(
        r"[a-z_]{1,32}|(?:[A-Za-z0-9_./-]{1,200}\.py|[A-Za-z0-9_.]{1,200}):[A-Za-z_][A-Za-z0-9_]{0,63}",
        f'a name such as "{example}", or "FILE.py:NAME" for one of your own',
    )


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""


def _number(value: object, *, as_text: bool) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if as_text and isinstance(value, str) and _DECIMAL_TEXT.fullmatch(value):
        return Decimal(value)
    return None


def _plain(number: Decimal) -> Decimal:
    """Drops exponent and trailing zeros; works on the digits, as arithmetic would round at 28 of them."""
    digits = f"{number:f}"
    plain = Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)
    return abs(plain) if plain.is_zero() else plain


def _decimals(plain: Decimal) -> int:
    _, point, behind = f"{plain:f}".partition(".")
    return len(behind) if point else 0


def _repeated(values: Iterable[object]) -> object | None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
