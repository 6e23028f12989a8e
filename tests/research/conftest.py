"""A working folder as a user of the commands has it."""

from pathlib import Path

import pytest

from tests.research.made import random_trades, write_results

SYMBOLS = ("ES", "CL", "6E", "GC")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with results of four symbols."""
    write_results(tmp_path / "results", random_trades(4, SYMBOLS, each=25))
    return tmp_path
