"""A folder of configuration files to break: copies of the packaged ones, and a way to change one value."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, Configuration, load, write_defaults
from portfold.config.locate import PACKAGED

PORTFOLIO = "portfolio_optimization.json"
RUNTIME = "runtime.json"
CONTRACTS = "contracts.json"


class Folder:
    """Files of a user. Keys are dotted paths; a change to one value leaves the rest as packaged."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def change(self, file: str, key: str, value: object) -> None:
        tree, within, last = self._find(file, key)
        within[last] = value
        self.write(file, json.dumps(tree))

    def restore(self, file: str) -> None:
        """As packaged again, for the next row of a table."""
        self.write(file, (PACKAGED / file).read_text())

    def remove(self, file: str, key: str) -> None:
        tree, within, last = self._find(file, key)
        del within[last]
        self.write(file, json.dumps(tree))

    def replace(self, file: str, old: str, new: str) -> None:
        """For what json.dumps would not write as it is wanted, such as the digits of a number."""
        text = (self.path / file).read_text()
        assert text.count(old) == 1
        self.write(file, text.replace(old, new))

    def write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text)

    def load(self, environ: Mapping[str, str] | None = None) -> Configuration:
        return load(str(self.path), environ or {}, self.path)

    def refusal(self) -> str:
        """What loading says, without the folder's own path."""
        with pytest.raises(ConfigError) as caught:
            self.load()
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence.replace(f"{self.path}/", "")

    def _find(self, file: str, key: str) -> tuple[Any, Any, str]:
        tree = json.loads((self.path / file).read_text())
        *way, last = key.split(".")
        within = tree
        for step in way:
            within = within.setdefault(step, {})
        return tree, within, last


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    write_defaults(tmp_path / "mine")
    return Folder(tmp_path / "mine")
