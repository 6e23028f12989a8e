"""The configuration's files as JSON Schema, from the structs and rules that read them: for editors.

An editor that knows the schema names every key while it is typed, with its meaning, its default and its
bounds. It is looser than the reader where a rule spans several keys: `portfold config check` has the last
word.
"""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import NODEFAULT, Struct, structs

from portfold.cli.setup.config_keys import plain
from portfold.cli.setup.config_meanings import MEANINGS
from portfold.config.portfolio import Constraints, ExpectedPerformance
from portfold.config.rules import (
    Approximate,
    Distinct,
    Duration,
    Exact,
    NumberOrText,
    Rule,
    Text,
    Whole,
    YesOrNo,
)
from portfold.config.runtime import Runtime

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def runtime_schema() -> Schema:
    """Returns the schema of runtime.json, which refuses unknown keys."""
    return {"$schema": _DIALECT, "title": "runtime.json", **_object(Runtime, "", strict=True)}


def portfolio_schema() -> Schema:
    """Returns that of portfolio_optimization.json, in which others may leave notes."""
    parts = {
        "portfolio_constraints": _object(Constraints, "portfolio_constraints.", strict=False),
        "expected_performance": _object(ExpectedPerformance, "expected_performance.", strict=False),
    }
    return {
        "$schema": _DIALECT,
        "title": "portfolio_optimization.json",
        "type": "object",
        "properties": parts,
        "required": ["portfolio_constraints"],
    }


def _object(shape: type[Struct], where: str, *, strict: bool) -> Schema:
    fields = structs.fields(shape)
    needed = [one.name for one in fields if one.required]
    found: Schema = {
        "type": "object",
        "properties": {one.name: _field(one, f"{where}{one.name}", strict=strict) for one in fields},
    }
    if needed:
        found["required"] = needed
    return found | ({"additionalProperties": False} if strict else {})


def _field(field: structs.FieldInfo, path: str, *, strict: bool) -> Schema:
    found = _value(field.type, path, strict=strict)
    if path in MEANINGS:
        found = {"description": MEANINGS[path], **found}
    if field.default is not NODEFAULT:
        found["default"] = plain(field.default)
    elif field.default_factory is not NODEFAULT:
        found["default"] = plain(field.default_factory())
    return found


def _value(annotation: object, path: str, *, strict: bool) -> Schema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        rules = [one for one in arguments[1:] if isinstance(one, Rule)]
        inner = _value(arguments[0], path, strict=strict)
        return _by_rule(rules[0], inner) if rules else inner
    if origin in (Union, types.UnionType):
        return {"anyOf": [_value(one, path, strict=strict) for one in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _value(arguments[1], f"{path}.*", strict=strict)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0], f"{path}.*", strict=strict)}
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return _object(annotation, f"{path}.", strict=strict)
    return {"type": "null"} if annotation is type(None) else {}


def _by_rule(rule: Rule, inner: Schema) -> Schema:
    """Returns what the rule says of a value, as far as a schema can."""
    match rule:
        case Whole():
            said: Schema = {"type": "integer", "minimum": rule.low, "maximum": rule.high}
        case Exact() | Approximate():
            number = {"type": "number", "minimum": plain(rule.low), "maximum": plain(rule.high)}
            as_text = isinstance(rule, Exact) and rule.as_text
            said = {"anyOf": [number, {"type": "string"}]} if as_text else number
        case Duration():
            said = {"type": "number", "minimum": float(rule.low), "maximum": rule.high}
        case NumberOrText():
            said = {"anyOf": [{"type": "number"}, _text(rule)]}
        case Text():
            said = _text(rule)
        case YesOrNo():
            said = {"type": "boolean"}
        case Distinct():
            said = {**inner, "minItems": rule.low, "maxItems": rule.high, "uniqueItems": True}
        case _:
            said = inner
    return {"$comment": f"expected: {rule.expected}", **said}


def _text(rule: Text) -> Schema:
    return {"type": "string", "pattern": f"^(?:{rule.pattern})$"}
