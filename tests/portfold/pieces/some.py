"""Pieces for the tests: functions of a module, as every piece has to be."""

import os
import signal
from pathlib import Path

from tests.waiting import until


def with_number(given: str, number: int) -> str:
    """Says what it was given."""
    return f"{given} {number}"


def process(_given: str, _number: int) -> int:
    """Says by which process it was done."""
    return os.getpid()


def refuse(_given: str, number: int) -> str:
    """Raises an error of its own."""
    raise KeyError(number)


def interrupted(_given: str, _number: int) -> str:
    """Is left by Ctrl-C."""
    raise KeyboardInterrupt


def die(_given: str, _number: int) -> str:
    """Takes whoever does it with it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def held_up(folder: str, number: int) -> tuple[int, int]:
    """Says that it has begun and by whom, and goes on as soon as it is let."""
    (Path(folder) / f"begun-{number}-{os.getpid()}").touch()
    until((Path(folder) / "go").exists, "leave to go on")
    return number, os.getpid()


def long_answer(_given: str, number: int) -> bytes:
    """Takes longer to be sent than to be made."""
    return bytes(40_000_000 + number)
