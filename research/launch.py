"""Runs the scripts in this folder as the command `portfold research …`, by the very same code.

Users of many years type `python3 research/portfolio_simulator.py`, with whichever Python they have. Where
that Python lacks portfold, the environment that `make` has set up in the checkout is used.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
_OWN_PYTHON = ROOT / ".venv" / "bin" / "python"


def launch(command: str) -> NoReturn:
    """Replaces this process by `portfold research` with this command and the script's options."""
    python = sys.executable
    if find_spec("msgspec") is None or find_spec("cyclopts") is None:
        if not _OWN_PYTHON.exists():
            sys.exit(
                f"portfold is not installed for {python}. Run `make test` in {ROOT} once: it sets it up."
            )
        python = str(_OWN_PYTHON)
    arguments = [python, "-P", "-m", "portfold.cli.main", "research", command, *sys.argv[1:]]
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    sys.stdout.flush()
    os.execve(python, arguments, {**os.environ, "PYTHONPATH": path})  # noqa: S606 - our own command, no shell
