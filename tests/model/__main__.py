"""`python -m tests.model`: goes through every state of the model, and sees each planted bug found.

Needs `spin` and a C compiler. Exit code 1 if anything does not hold, or a planted bug is not found; 2 where
they are not there.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.processes import ROOT

MODEL = ROOT / "docs" / "model" / "lead.pml"
PLANTS = {
    1: "whose term it is is not looked at",
    2: "only its number is looked at",
    3: "where the head is is not looked at",
    4: "an event that is not on the log is decided",
    5: "an order does not wait for the replica",
}
_DEPTH = "-m100000"
_CUT_SHORT = ("max search depth too small", "Search not completed", "out of memory")


def main() -> int:
    """Checks, and prints what was found."""
    missing = [program for program in ("spin", "gcc") if shutil.which(program) is None]
    if missing:
        print(f"{' and '.join(missing)} is not installed here: on Debian and Ubuntu, apt install spin gcc")
        return 2
    with TemporaryDirectory(prefix="portfold-model-") as folder:
        return _checked(Path(folder))


def _checked(folder: Path) -> int:
    wrong = False
    for plant, what in PLANTS.items():
        found = _errors(folder, plant)
        print(f"{'found' if found else 'NOT FOUND'}: {what}", flush=True)
        wrong |= not found
    said = _run(folder, 0)
    states = re.search(r"([0-9.e+]+) states, stored", said)
    errors = _count(said)
    whole = not any(words in said for words in _CUT_SHORT)
    print(f"{states[1] if states else '?'} states, errors: {errors}{'' if whole else ', NOT ALL OF THEM'}")
    if errors or not whole:
        print(said)
    return int(wrong or bool(errors) or not whole)


def _errors(folder: Path, plant: int) -> int:
    return _count(_run(folder, plant))


def _count(said: str) -> int:
    found = re.search(r"errors: (\d+)", said)
    if found is None:
        raise SystemExit(f"spin did not come to an end: {said}")
    return int(found[1])


def _run(folder: Path, plant: int) -> str:
    """Makes a checker of the model with that bug, 0 for none, and returns what it says."""
    own = folder / str(plant)
    own.mkdir()
    for command in (
        ["spin", f"-DPLANT={plant}", "-a", str(MODEL)],
        ["gcc", "-O2", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=own, check=True, stdout=subprocess.DEVNULL)
    ran = subprocess.run([str(own / "pan"), _DEPTH], cwd=own, capture_output=True, text=True, check=False)
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
