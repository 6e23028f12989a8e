"""The command line of all benchmarks: `--help` says what is measured, sizes are whole numbers from 1.

`--quick` takes sizes with which all benchmarks together are done in a minute and a half: it shows that they
work, and roughly where things stand. The figures in the docs are of the usual sizes.
"""

import argparse
import sys


def parser(name: str, explanation: str | None) -> argparse.ArgumentParser:
    """Returns the parser of the benchmark `name`."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def sized(options: argparse.ArgumentParser, **quick: object) -> argparse.Namespace:
    """Reads the command line; with `--quick` the `quick` sizes are those of what is not named there."""
    options.add_argument("--quick", action="store_true", help="small sizes, for a look")
    if "--quick" in sys.argv[1:]:
        options.set_defaults(**quick)
    return options.parse_args()


def count(text: str) -> int:
    """Parses a whole number from 1. Raises ArgumentTypeError for any other text."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def counts(text: str) -> list[int]:
    """Parses whole numbers from 1 with commas between them. Raises ArgumentTypeError for any other text."""
    return [count(one) for one in text.split(",")]
