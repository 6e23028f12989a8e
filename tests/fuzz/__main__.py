"""`python -m tests.fuzz`: every target by every engine there is, a table of inputs, and 1 for a fault."""

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from typing import NamedTuple

from tests.fuzz.targets import TARGETS

_DONE = re.compile(r"Done (\d+) runs")
_TOLD = 3000


class Row(NamedTuple):
    """What one engine did with one target; `fault` is the end of what it said where something failed."""

    target: str
    engine: str
    inputs: int
    fault: str


def main() -> int:
    """Divides the time among all targets and engines, and prints the table."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--seconds", type=float, default=300, help="for all of it, about (300)")
    options.add_argument("--only", choices=[*TARGETS], help="one target alone")
    chosen = options.parse_args()
    engines = ["hypothesis", *(["atheris"] if find_spec("atheris") else [])]
    if len(engines) == 1:
        print("atheris is not installed (extra `fuzz`): Hypothesis alone draws the inputs")
    names = [chosen.only] if chosen.only else [*TARGETS]
    share = max(1.0, chosen.seconds / (len(names) * len(engines)))
    rows = list[Row]()
    for name in names:
        for engine in engines:
            row = _fuzzed(name, engine, share)
            rows.append(row)
            told = f"{name:12} {engine:10} {row.inputs:>10,} inputs{'  FAULT' if row.fault else ''}"
            print(told, flush=True)
    inputs, faults = sum(row.inputs for row in rows), sum(bool(row.fault) for row in rows)
    print(f"{'all':23} {inputs:>10,} inputs, {faults} faults")
    for row in rows:
        if row.fault:
            print(f"\n--- {row.target} by {row.engine}\n{row.fault}")
    return int(any(row.fault for row in rows))


def _fuzzed(name: str, engine: str, seconds: float) -> Row:
    words = [sys.executable, "-m", "tests.fuzz.one", name, engine, str(seconds)]
    ran = subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = ran.stderr.decode("utf-8", "replace")
    done = _DONE.findall(said)
    inputs = int(done[-1]) if done else 0
    is_sound = inputs > 0 and ran.returncode == 0
    return Row(name, engine, inputs, "" if is_sound else said[-_TOLD:] or "it tried nothing")


if __name__ == "__main__":
    sys.exit(main())
