"""Which values of which parameters are tried: as the strategy declares them, or as the user says.

A strategy declares where to look beside the rule of each parameter (`config.rules.Searched`). Whatever is
said, each value has passed that rule, so that what is tried can be configured.
"""

import re
import types
from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import prod
from pathlib import Path
from typing import Annotated, Union, get_args, get_origin

from msgspec import Struct, defstruct, structs

from portfold.config.reading import read_strict
from portfold.config.rules import Searched
from portfold.research.errors import ResearchError

_OPTION = Path("--range")
_WAY = "NAME=LOW..HIGH/STEP or NAME=ONE,OTHER"
_NUMBER = r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?"
_FROM_TO = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:/({_NUMBER}))?")
_MOST_VALUES = 1_000
_WORDS: dict[str, object] = {"null": None, "true": True, "false": False}
_NEVER = ("size", "cooldown_bars", "model", "min_probability")
"""No Sharpe depends on a size; research knows one rest of a symbol; a filter is trained for parameters."""


class Range(Struct, frozen=True):
    """The values of a parameter that are tried, in order."""

    name: str
    values: tuple[object, ...]

    @property
    def ordered(self) -> bool:
        """Returns whether what is near a good value may be good: numbers in order."""
        return all(
            isinstance(one, int | float | Decimal) and not isinstance(one, bool) for one in self.values
        )


class Space(Struct, frozen=True):
    """Every set of parameters that may be tried: those in force, with the values of the ranges in them."""

    parameters: Struct
    ranges: tuple[Range, ...]

    @property
    def sets(self) -> int:
        """Counts them, those that a strategy refuses among them."""
        return prod(len(one.values) for one in self.ranges)

    def values(self, places: Sequence[int]) -> dict[str, object]:
        """Returns the values at these places, one in each range."""
        return {one.name: one.values[place] for one, place in zip(self.ranges, places, strict=True)}

    def at(self, places: Sequence[int]) -> Struct:
        """Returns the parameters with these values. Raises ValueError where they do not go together."""
        return type(self.parameters)(**{**structs.asdict(self.parameters), **self.values(places)})

    def fits(self, places: Sequence[int]) -> bool:
        """Returns whether these values go together."""
        try:
            self.at(places)
        except ValueError:
            return False
        return True


def space_of(name: str, parameters: Struct, words: Sequence[str]) -> Space:
    """Returns what is to be tried of the strategy `name`: by the user's words, else as it declares.

    Raises ResearchError, ConfigError.
    """
    shape = type(parameters)
    ranges = tuple(_said(word, shape) for word in words) or tuple(_declared(name, shape))
    names = [one.name for one in ranges]
    if twice := next((one for one in names if names.count(one) > 1), None):
        raise ResearchError(f"--range: expected each parameter once, got {twice} again.")
    if not ranges:
        raise ResearchError(
            f"--range: expected {_WAY}, as {name} declares no range (Searched, beside a rule of Parameters)."
        )
    return Space(parameters, ranges)


def _said(word: str, shape: type[Struct]) -> Range:
    """Reads `bars=10..60/5` or `sides=long,both`."""
    name, _, text = word.partition("=")
    annotations = {field.name: field.type for field in structs.fields(shape) if field.name not in _NEVER}
    if name not in annotations:
        raise ResearchError(f"--range: expected one of {', '.join(annotations)} before =, got {name[:60]!r}.")
    found = _FROM_TO.fullmatch(text)
    values = list(_by_step(name, *found.groups())) if found else [_value(one) for one in text.split(",")]
    if len(values) < 2 or len(set(values)) < len(values):
        raise ResearchError(f"--range: {name}: expected {_WAY}, several different values, got {text[:60]!r}.")
    return _checked(name, annotations[name], values, _OPTION)


def _value(text: str) -> object:
    if re.fullmatch(_NUMBER, text):
        return Decimal(text) if "." in text else int(text)
    return _WORDS.get(text, text)


def _by_step(name: str, low: str, high: str, step: str | None) -> Iterator[int | Decimal]:
    fine = "." in low or "." in high
    if step is None and fine:
        raise ResearchError(f"--range: {name}: expected LOW..HIGH/STEP, as these are no whole numbers.")
    yield from _steps(name, Searched(Decimal(low), Decimal(high), Decimal(step or "1")))


def _steps(name: str, searched: Searched) -> Iterator[int | Decimal]:
    low, high, step = (Decimal(one) for one in (searched.low, searched.high, searched.step))
    if step <= 0 or low >= high or (high - low) / step >= _MOST_VALUES:
        got = f"{low:f}..{high:f}/{step:f}"
        expected = f"a low end below the high one, and at most {_MOST_VALUES:,} steps above 0"
        raise ResearchError(f"--range: {name}: expected {expected}, got {got}.")
    for number in range(int((high - low) / step) + 1):
        value = low + number * step
        yield int(value) if all(one == one.to_integral_value() for one in (low, step)) else value


def _declared(name: str, shape: type[Struct]) -> Iterator[Range]:
    for field in structs.fields(shape):
        searched = _searched(field.type)
        if searched is not None and field.name not in _NEVER:
            values = list(_steps(field.name, searched))
            yield _checked(field.name, field.type, values, Path(name))


def _searched(annotation: object) -> Searched | None:
    arguments = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return next(filter(None, map(_searched, arguments)), None)
    if get_origin(annotation) is not Annotated:
        return None
    return next((one for one in arguments[1:] if isinstance(one, Searched)), None)


def _checked(name: str, annotation: object, values: Sequence[object], where: Path) -> Range:
    """Reads each value by the field's own rule. Raises ConfigError, which names the field."""
    alone = defstruct("Alone", [(name, annotation)], frozen=True)
    return Range(name, tuple(getattr(read_strict(alone, {name: one}, where), name) for one in values))
