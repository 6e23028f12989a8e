"""`python -m tests.kills`: so many kills, a report, and exit code 1 if anything does not hold."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kills import harness, trading
from tests.kills.checks import shown
from tests.kills.harness import WORKERS
from tests.kills.report import Report


def main() -> int:
    """Kills, checks, prints."""
    options = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    options.add_argument("--kills", type=int, default=200, help="how many of coordinators and server (200)")
    options.add_argument("--orders", type=int, default=100, help="how many around an order at a broker (100)")
    options.add_argument("--seed", type=int, default=1, help="of who is killed when and where (1)")
    options.add_argument("--keep", type=Path, help="a folder for logs and journals, which then stay")
    chosen = options.parse_args()
    if chosen.keep is not None:
        return _kill(chosen, chosen.keep)
    with TemporaryDirectory(prefix="portfold-kills-") as folder:
        return _kill(chosen, Path(folder))


def _kill(chosen: argparse.Namespace, folder: Path) -> int:
    """All that was asked for; 1 if anything does not hold."""
    wrong = False
    if chosen.kills:
        report = harness.run(_made(folder / "log"), chosen.kills, chosen.seed, _say)
        _print_kills(report, f"under load from {WORKERS} workers, fsync always")
        _print_log(report)
        wrong |= _wrong(report)
    on_paper = chosen.orders // 2
    for broker, kills in (("paper", on_paper), ("traderspost", chosen.orders - on_paper)):
        if kills:
            report = trading.run(_made(folder / broker), broker, kills, chosen.seed, _say)
            _print_kills(report, f"around orders at {broker}, while others trade")
            print(f"{report.events:,} events, {report.exits:,} exits")
            wrong |= _wrong(report)
    return int(wrong)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _say(line: str) -> None:
    print(line, flush=True)


def _print_kills(report: Report, where: str) -> None:
    print(f"\n{report.kills.total()} kills in {report.seconds:.0f} s {where}")
    for how, times in sorted(report.kills.items()):
        print(f"{times:>6}  {how}")


def _print_log(report: Report) -> None:
    print(
        f"{report.events:,} events, {report.acknowledged:,} of them acknowledged to workers, "
        f"{report.archived:,} moved to the archive"
    )
    print(f"{report.requests:,} requests, {report.told:,} answers told, {report.terms} terms of leaders")


def _wrong(report: Report) -> bool:
    print(f"WRONG: {shown(report.wrong)}" if report.wrong else "Everything holds.", flush=True)
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
