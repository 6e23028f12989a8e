"""Every key of the configuration, from the structs that read it: default, and what is expected of it."""

import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, NamedTuple, Union, get_args, get_origin

from msgspec import NODEFAULT, Struct, structs

from portfold.config.portfolio import Constraints, ExpectedPerformance
from portfold.config.reading import expectation
from portfold.config.runtime import Runtime

_ANY = "*"


class ConfigKey(NamedTuple):
    """A key: its path in its file, `*` for any name; its default as JSON would write it; what is expected."""

    path: str
    default: str
    expected: str


def runtime_keys() -> Iterator[ConfigKey]:
    """Yields the keys of runtime.json."""
    return _keys(Runtime, "")


def portfolio_keys() -> Iterator[ConfigKey]:
    """Yields those of portfolio_optimization.json that are read."""
    yield from _keys(Constraints, "portfolio_constraints.")
    yield from _keys(ExpectedPerformance, "expected_performance.")


def _keys(shape: type[Struct], where: str) -> Iterator[ConfigKey]:
    for field in structs.fields(shape):
        path = f"{where}{field.name}"
        inner = list(_inner(field.type, path))
        if not inner:
            yield ConfigKey(path, _default(field), _expected(field.type))
        yield from inner


def _inner(annotation: object, path: str) -> Iterator[ConfigKey]:
    """Yields the keys within a value of this type, each once: of several shapes one may have it too."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        found = (key for argument in arguments for key in _inner(argument, path))
        yield from {key.path: key for key in found}.values()
    elif origin is Mapping:
        yield from _inner(arguments[1], f"{path}.{_ANY}")
    elif isinstance(annotation, type) and issubclass(annotation, Struct):
        yield from _keys(annotation, f"{path}.")


def _expected(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        present = [argument for argument in arguments if argument is not type(None)]
        return " or ".join([*map(_expected, present), "null"])
    if origin is Mapping:
        value = arguments[1]
        return f"an object, each value {_expected(value)}" if get_origin(value) is Annotated else "an object"
    return expectation(annotation)


def _default(field: structs.FieldInfo) -> str:
    if field.default is not NODEFAULT:
        return as_json(field.default)
    return as_json(field.default_factory()) if field.default_factory is not NODEFAULT else ""


def as_json(value: object) -> str:
    """Returns a value as the file would have it, in a line."""
    import json

    return json.dumps(plain(value), ensure_ascii=False)


def plain(value: object) -> object:
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    return value
