"""Measures what a misbehaving Discord costs a decision: nothing, as nobody waits for the notifier.

A worker asks for entries and is answered, while the production notifier sends an alert of each denied one to
a fake Discord on a real socket. Block by block that Discord behaves, then misbehaves: it hangs, limits the
rate, sends error pages, resets connections, sends a byte at a time, sends nonsense or does not listen at all.
The time from request to answer is measured in both kinds of block, in the same run.
"""

import json
import os
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep
from unittest import mock

from benchmarks.measuring.figures import compared
from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.stage import (
    APPENDFSYNC,
    PATIENCE_SECONDS,
    BenchmarkFailed,
    BenchmarkProcess,
    Stage,
    played,
)
from portfold.cli.run.leash import leashed
from portfold.config import write_defaults
from tests.fake_discord import FakeDiscord, Manner

_BLOCK = 100
_PORTFOLIO = "alerts"
_LOOK_SECONDS = 0.01
_VARIABLE = "BENCHMARK_WEBHOOK"
_BAD: tuple[Manner | None, ...] = (
    *("hang", "limited", "error page", "reset", "drip", "limited by a page", "nonsense"),
    None,
)
"""How Discord misbehaves, block after block; None: nothing listens at its address."""


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("alerts", __doc__)
    options.add_argument("--samples", type=count, default=1_600, help="requests each way (1600)")
    chosen = sized(options, samples=40)
    return played(lambda stage: _measure(stage, chosen.samples))


def _measure(stage: Stage, samples: int) -> None:
    bus = stage.bus(_PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    bus.close()
    with FakeDiscord() as discord:
        stage.start_coordinator(_PORTFOLIO)
        _start_notifier(stage, discord)
        worker = stage.start("worker", "-m", "benchmarks.children.alerts_worker", stage.url, _PORTFOLIO)
        well, badly = _in_turns(worker, discord, samples)
        _wait_for_a_refusal(discord)
        _print(well, badly, discord)


def _wait_for_a_refusal(discord: FakeDiscord) -> None:
    """Waits until Discord has refused a message: a short measurement may end before the notifier met any
    trouble."""
    give_up = monotonic() + PATIENCE_SECONDS
    while len(discord.attempts) == len(discord.told):
        if monotonic() > give_up:
            raise BenchmarkFailed("No alert was sent while Discord misbehaved.")
        sleep(_LOOK_SECONDS)


def _start_notifier(stage: Stage, discord: FakeDiscord) -> None:
    folder = stage.folder / "notifier-config"
    write_defaults(folder)
    _configure_discord(folder / "runtime.json")
    with mock.patch.dict(os.environ, {_VARIABLE: discord.url()}):
        notifier = stage.start(
            "notifier",
            *(*leashed()[1:], "notifier", "--url", stage.url),
            *("--portfolio", _PORTFOLIO, "--config", str(folder)),
        )
    notifier.wait_for_log("Alerts go here")


def _configure_discord(runtime: Path) -> None:
    tree = json.loads(runtime.read_text())
    tree["discord_webhook_env"] = _VARIABLE
    tree["notifier"]["merge_seconds"] = 0.05
    runtime.write_text(json.dumps(tree))


def _in_turns(
    worker: BenchmarkProcess, discord: FakeDiscord, samples: int
) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each answer, well and badly behaved; a first block does not count."""
    _block(worker, min(samples, _BLOCK))
    well: list[float] = []
    badly: list[float] = []
    for manner in cycle(_BAD):
        left = samples - len(well)
        if left <= 0:
            break
        discord.always("ok")
        well += _block(worker, min(left, _BLOCK))
        if manner is None:
            discord.vanish()
        else:
            discord.always(manner)
        badly += _block(worker, min(left, _BLOCK))
        if manner is None:
            discord.come_back()
    return well, badly


def _block(worker: BenchmarkProcess, requests: int) -> list[float]:
    worker.send(str(requests))
    return [nanoseconds / 1e6 for nanoseconds in json.loads(worker.receive())]


def _print(well: Sequence[float], badly: Sequence[float], discord: FakeDiscord) -> None:
    print(f"{len(well):,} requests each way, in turns of {_BLOCK}; as many more were denied, each an alert\n")
    table, ratio = compared(("Discord misbehaves", badly), ("Discord behaves", well))
    print(table)
    taken, tried = len(discord.told), len(discord.attempts)
    print(f"\n{tried} messages were tried, {taken} of them taken.")
    print(f"Expected: a ratio of about 1; here {ratio:.2f} in the median.")


if __name__ == "__main__":
    sys.exit(main())
