"""From a JSON tree to a typed struct, by the types and rules that stand in the struct's fields.

The one place where trees are walked, so every error names the full path of its field
(`workers.ES.exit_above`) and says what was expected in the words of the field's rule. Understands what the
configuration uses: structs, `X | None`, `X | Y` of structs, `Literal`, `tuple[X, ...]`, `Mapping[K, X]` and
`Annotated` rules; and in structs of the user's own plain `int`, `float`, `Decimal`, `bool` and `str`.
"""

import types
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Never, TypeVar, Union, get_args, get_origin

from msgspec import Struct, structs

from portfold.config.errors import ConfigError, UnfitError, describe, joined
from portfold.config.rules import Approximate, Exact, Rule, Searched, Text, Whole, YesOrNo

S = TypeVar("S", bound=Struct)

_LARGE = 10**12
_PLAIN: Mapping[type, Rule] = {
    bool: YesOrNo(),
    int: Whole(-_LARGE, _LARGE),
    float: Approximate(Decimal(-_LARGE), Decimal(_LARGE)),
    Decimal: Exact(Decimal(-_LARGE), Decimal(_LARGE), 12),
    str: Text(r"[ -~]{0,200}", "a text of at most 200 plain characters"),
}
"""The rules of types that stand alone, in structs of the user's own."""


class UnknownKey(Struct, frozen=True):
    """A key no struct has: its path, and the known key it may have been meant for, if one is near."""

    path: str
    nearest: str | None


def read_strict(shape: type[S], tree: object, path: Path, where: str = "") -> S:
    """Reads the struct that `tree` describes. Raises ConfigError, also for an unknown key anywhere.

    `path` and `where` (the place of `tree` in that file) are for the errors.
    """
    return _Reader(path, tolerated=None).struct(shape, tree, where)


def read_tolerant(shape: type[S], tree: object, path: Path) -> tuple[S, tuple[UnknownKey, ...]]:
    """Reads as `read_strict` does, but returns unknown keys instead of refusing them."""
    tolerated: list[UnknownKey] = []
    return _Reader(path, tolerated).struct(shape, tree, ""), tuple(tolerated)


class _Reader:
    def __init__(self, path: Path, tolerated: list[UnknownKey] | None) -> None:
        self._path = path
        self._tolerated = tolerated

    def struct(self, shape: type[S], tree: object, where: str) -> S:
        if not isinstance(tree, dict):
            self._refuse(where, "an object", describe(tree))
        fields = _fields(shape)
        names = [field.name for field in fields]
        strange = [key for key in tree if key not in names]
        for key in strange:
            self._unknown(key, names, where)
        values: dict[str, object] = {}
        for field in fields:
            place = joined(where, field.name)
            if field.name in tree:
                values[field.name] = self._value(field.type, tree[field.name], place)
            elif field.required:
                meant = _nearest(field.name, strange)
                hint = f" (was {joined(where, meant)} meant?)" if meant else ""
                self._refuse(place, expectation(field.type), f"nothing: the key is missing{hint}")
        try:
            return shape(**values)
        except UnfitError as error:
            self._refuse(joined(where, error.field) if error.field else where, error.expected, str(error.got))

    def _value(self, annotation: object, value: object, where: str) -> object:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._ruled(arguments[0], arguments[1:], value, where)
        if origin in (Union, types.UnionType):
            if value is None and type(None) in arguments:
                return None
            return self._value(_meant(arguments, value), value, where)
        if origin is Literal:
            if not isinstance(value, str) or value not in arguments:
                self._refuse(where, expectation(annotation), describe(value))
            return value
        if origin is tuple:
            if not isinstance(value, list):
                self._refuse(where, "a list", describe(value))
            return tuple(self._value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
        if origin is Mapping:
            return self._mapping(arguments[0], arguments[1], value, where)
        if isinstance(annotation, type) and issubclass(annotation, Struct):
            return self.struct(annotation, value, where)
        if isinstance(annotation, type) and annotation in _PLAIN:
            return self._ruled(annotation, (_PLAIN[annotation],), value, where)
        raise TypeError(f"{where}: no way to read {annotation!r}")

    def _ruled(self, base: object, rules: tuple[object, ...], value: object, where: str) -> object:
        listed = get_origin(base) is tuple and isinstance(value, list)
        read = self._value(base, value, where) if listed else value
        holding = tuple(rule for rule in rules if not isinstance(rule, Searched))
        if not holding and isinstance(base, type):
            holding = (_PLAIN[base],)
        for rule in holding:
            if not isinstance(rule, Rule):
                raise TypeError(f"{where}: {rule!r} is no rule")
            try:
                read = rule.read(read)
            except UnfitError as error:
                self._refuse(where, error.expected, describe(value) if error.got is None else error.got)
        return read

    def _mapping(
        self, key_type: object, value_type: object, tree: object, where: str
    ) -> dict[object, object]:
        if not isinstance(tree, dict):
            self._refuse(where, "an object", describe(tree))
        read: dict[object, object] = {}
        for key, value in tree.items():
            place = joined(where, key)
            read[self._value(key_type, key, place)] = self._value(value_type, value, place)
        return read

    def _unknown(self, key: str, names: list[str], where: str) -> None:
        nearest = _nearest(key, names)
        if self._tolerated is not None:
            self._tolerated.append(UnknownKey(joined(where, key), nearest))
            return
        known = f"a known key (the nearest is {nearest})" if nearest else f"one of {', '.join(names)}"
        self._refuse(joined(where, key), known, "an unknown key")

    def _refuse(self, field: str, expected: str, got: str) -> Never:
        raise ConfigError(self._path, field, expected, got)


def _meant(shapes: tuple[object, ...], value: object) -> object:
    """Returns which of several structs is meant: the first that must have a key that is there, else the one
    that needs none.
    """
    present = [shape for shape in shapes if shape is not type(None)]
    if len(present) == 1:
        return present[0]
    given = value if isinstance(value, dict) else {}
    structures = [shape for shape in present if isinstance(shape, type) and issubclass(shape, Struct)]
    needs = {shape: [field.name for field in _fields(shape) if field.required] for shape in structures}
    return next((shape for shape in needs if any(name in given for name in needs[shape])), structures[0])


@cache
def _fields(shape: type[Struct]) -> tuple[structs.FieldInfo, ...]:
    """Returns the fields with their types; a file may describe a shape a hundred times."""
    return structs.fields(shape)


def _nearest(key: str, names: list[str]) -> str | None:
    near = get_close_matches(key[:64], names, n=1)
    return near[0] if near else None


def expectation(annotation: object) -> str:
    """Returns what is expected of a value of this type, in words, to follow "expected"."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return " or ".join(describe(argument) for argument in arguments)
    for rule in arguments[1:]:
        if isinstance(rule, Rule):
            return rule.expected
    return "an object"
