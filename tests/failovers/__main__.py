"""`python -m tests.failovers`: so many failovers, a report, and exit code 1 if anything does not hold."""

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.failovers.harness import Failovers, run
from tests.kills.checks import shown
from tests.rig.cluster import Cluster
from tests.rig.sentinels import Sentinels


def main() -> int:
    """Fails over, checks, prints."""
    options = argparse.ArgumentParser(prog="python -m tests.failovers", description=__doc__)
    options.add_argument("--sentinel", type=int, default=50, help="how many by three Sentinels (50)")
    options.add_argument("--cluster", type=int, default=50, help="how many in a cluster of six nodes (50)")
    options.add_argument("--seed", type=int, default=1, help="of what the workers do (1)")
    options.add_argument("--keep", type=Path, help="a folder for logs and journals, which then stay")
    chosen = options.parse_args()
    if chosen.keep is not None:
        return _all(chosen, chosen.keep)
    with TemporaryDirectory(prefix="portfold-failovers-") as folder:
        return _all(chosen, Path(folder))


def _all(chosen: argparse.Namespace, folder: Path) -> int:
    wrong = False
    for name, kind, times in (("sentinel", Sentinels, chosen.sentinel), ("cluster", Cluster, chosen.cluster)):
        if times:
            own = folder / name
            own.mkdir(parents=True)
            with kind(own / "servers") as servers:
                report = run(own, servers, times, chosen.seed, lambda line: print(line, flush=True))
            _print(name, report)
            wrong |= bool(report.wrong)
    return int(wrong)


def _print(name: str, report: Failovers) -> None:
    print(f"\n{report.ways.total()} failovers by {name} under load from 8 workers")
    for way, times in sorted(report.ways.items()):
        print(f"{times:>6}  {way}")
    waited = sorted(report.to_next_answer)
    print(f"to the next answer: median {statistics.median(waited):.2f} s, longest {waited[-1]:.2f} s")
    print(
        f"{report.events:,} events, {report.requests:,} requests, {report.sent:,} orders sent on a yes that "
        f"was replicated, {report.acknowledged_losses:,} losses answered for"
    )
    print(f"WRONG: {shown(report.wrong)}" if report.wrong else "Everything holds.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
