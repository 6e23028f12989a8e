"""`portfold config schema`: every key that is read is in it, with its bounds, and what is packaged fits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import OK
from portfold.cli.setup.config_keys import portfolio_keys, runtime_keys
from portfold.cli.setup.config_schema import portfolio_schema, runtime_schema
from portfold.config.locate import PACKAGED
from tests.cli.command_line import called


def paths(schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """The keys that a schema names, `*` for any name, of several shapes each."""
    for shape in schema.get("anyOf", ()):
        yield from paths(shape, where)
    for name, within in schema.get("properties", {}).items():
        yield f"{where}{name}"
        yield from paths(within, f"{where}{name}.")
    if isinstance(within := schema.get("additionalProperties"), dict):
        yield from paths(within, f"{where}*.")


def misfits(value: object, schema: dict[str, Any], where: str = "") -> list[str]:
    """Where a value breaks the schema: of the words that ours uses."""
    if "anyOf" in schema:
        each = [misfits(value, shape, where) for shape in schema["anyOf"]]
        return [] if not all(each) else min(each, key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [where]
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "null": type(None),
        "integer": int,
        "number": (int, float),
    }
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [where]
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
        found = [f"{where}{name}" for name in schema.get("required", ()) if name not in value]
        for name, one in value.items():
            if name not in known and others is False:
                found.append(f"{where}{name}")
            else:
                found += misfits(one, known.get(name, others), f"{where}{name}.")
        return found
    if isinstance(value, list):
        return [bad for one in value for bad in misfits(one, schema.get("items", {}), f"{where}*.")]
    if isinstance(value, str):
        return [] if re.search(schema.get("pattern", ""), value) else [where]
    if isinstance(value, int | float):
        return [] if schema.get("minimum", value) <= value <= schema.get("maximum", value) else [where]
    return []


@pytest.mark.parametrize(
    ("schema", "keys"),
    [(runtime_schema(), runtime_keys()), (portfolio_schema(), portfolio_keys())],
    ids=["runtime", "portfolio"],
)
def test_every_key_that_is_read_is_in_it(schema: dict[str, Any], keys: Any) -> None:
    assert {key.path for key in keys} <= set(paths(schema))


@pytest.mark.parametrize(
    ("schema", "file"),
    [(runtime_schema(), "runtime.json"), (portfolio_schema(), "portfolio_optimization.json")],
    ids=["runtime", "portfolio"],
)
def test_what_is_packaged_fits_and_a_slip_does_not(schema: dict[str, Any], file: str) -> None:
    tree = json.loads((PACKAGED / file).read_text())
    assert misfits(tree, schema) == []


@pytest.mark.parametrize(
    ("slip", "where"),
    [
        ({"lease_ms": 99}, "lease_ms."),
        ({"lease_ms": 99.5}, "lease_ms."),
        ({"lase_ms": 1000}, "lase_ms"),
        ({"stop_loss_on": "open"}, "stop_loss_on."),
        ({"trading_day": {"roll": "25:00"}}, "trading_day.roll."),
        ({"notifier": {"destinations": {"a": {"to": "pigeon"}}}}, "notifier.destinations.a.to."),
    ],
)
def test_a_slip_is_found_where_it_is(slip: dict[str, object], where: str) -> None:
    assert misfits(slip, runtime_schema()) == [where]


def test_it_is_printed_for_an_editor(tmp_path: Path) -> None:
    ran = called("config", "schema", "portfolio", cwd=tmp_path)
    assert (ran.code, ran.err) == (OK, "")
    assert json.loads(ran.out) == portfolio_schema()
    most = portfolio_schema()["properties"]["portfolio_constraints"]["properties"]["max_positions"]
    assert (most["minimum"], most["maximum"]) == (1, 50)
