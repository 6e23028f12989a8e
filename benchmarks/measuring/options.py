"""The command line of all benchmarks: `--help` says what is measured, sizes are whole numbers from 1."""

import argparse


def parser(name: str, explanation: str | None) -> argparse.ArgumentParser:
    """Returns the parser of the benchmark `name`."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def count(text: str) -> int:
    """Parses a whole number from 1. Raises ArgumentTypeError for any other text."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)
