"""The command line all benchmarks share: `--help` says what is measured, sizes are whole numbers from 1."""

import argparse


def parser(name: str, explanation: str | None) -> argparse.ArgumentParser:
    """The parser of the benchmark `name`."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def count(text: str) -> int:
    """How many of something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)
