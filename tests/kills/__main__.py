"""`python -m tests.kills`: so many kills, a report, and exit code 1 if anything does not hold."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kills.checks import shown
from tests.kills.harness import WORKERS, Report, run


def main() -> int:
    """Kills, checks, prints."""
    options = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    options.add_argument("--kills", type=int, default=200, help="how many (200)")
    options.add_argument("--seed", type=int, default=1, help="of who is killed when and where (1)")
    options.add_argument("--keep", type=Path, help="a folder for logs and journals, which then stay")
    chosen = options.parse_args()
    say: Callable[[str], None] = lambda line: print(line, flush=True)  # noqa: E731 - print, that is seen at once
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True)
        report = run(chosen.keep, chosen.kills, chosen.seed, say)
    else:
        with TemporaryDirectory(prefix="portfold-kills-") as folder:
            report = run(Path(folder), chosen.kills, chosen.seed, say)
    _print(report)
    return 1 if report.wrong else 0


def _print(report: Report) -> None:
    done = f"{report.kills.total()} kills in {report.seconds:.0f} s"
    print(f"\n{done} under load from {WORKERS} workers, fsync always")
    for how, times in sorted(report.kills.items()):
        print(f"{times:>6}  {how}")
    print(
        f"{report.events:,} events, {report.acknowledged:,} of them acknowledged to workers, "
        f"{report.archived:,} moved to the archive"
    )
    print(f"{report.requests:,} requests, {report.told:,} answers told, {report.terms} terms of leaders")
    print(f"WRONG: {shown(report.wrong)}" if report.wrong else "Everything holds.")


if __name__ == "__main__":
    sys.exit(main())
