"""docs/ibs.md says what there is: every parameter, its packaged value, and an example that loads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from portfold.config import IbsParameters

if TYPE_CHECKING:
    from tests.config.conftest import Folder

PAGE = (Path(__file__).parents[2] / "docs" / "ibs.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`[^|]+) \| ([^|]+) \| [^\n]+\|$", PAGE, re.MULTILINE)


def test_every_parameter_is_on_the_page_with_its_packaged_value() -> None:
    told: dict[str, str] = {}
    for names, values in ROWS:
        each = re.findall(r"`(\w+)`", names)
        given = [value.strip().strip("`") for value in values.split(",")]
        told |= dict(zip(each, given if len(given) > 1 else given * len(each), strict=True))

    defaults = msgspec.to_builtins(IbsParameters())
    shown = {
        name: "none" if value is None else f"{value}".removesuffix(".0") for name, value in defaults.items()
    }
    assert told == shown


def test_the_example_on_the_page_can_be_loaded(folder: Folder) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    folder.change("runtime.json", "workers", json.loads(f"{{{example}}}")["workers"])

    parameters = folder.load().runtime.worker("ES")
    assert isinstance(parameters, IbsParameters)
    assert (parameters.sides, parameters.exit_at, parameters.entry_hours) == ("both", "15:00", "08:30-14:00")
