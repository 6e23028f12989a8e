"""Feeds as processes of their own, of a made-up market or of a source that a test writes line by line."""

import json
import time
from pathlib import Path
from typing import Any

from portfold.config.locate import PACKAGED
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus

SOURCE = '''
import time
from decimal import Decimal

from portfold.workers.market.source import (
    ContractListed, MarketRefused, MinuteBar, MinuteEnd, Notice, PriceUpdate, Roll
)


class Written:
    """Gives what stands in market.txt beside it, line by line as it is written."""

    def __init__(self, setup):
        self.file, self.stop = setup.file.parent / "market.txt", setup.stop

    def updates(self):
        with self.file.open() as file:
            while not self.stop.is_set():
                line = file.readline()
                if line:
                    yield self.update(*line.split())
                else:
                    self.stop.wait(0.005)
                    yield None

    def close(self):
        pass

    def update(self, kind, *words):
        if kind == "price":
            symbol, price, at_ms, *contract = words
            return PriceUpdate(symbol, Decimal(price), int(at_ms), *contract)
        if kind == "bar":
            symbol, end_ms, *prices = words
            return MinuteBar(symbol, int(end_ms), *map(Decimal, prices), 3, "ESZ6")
        if kind == "end":
            return MinuteEnd(int(words[0]))
        if kind == "gap":
            return Notice("gap", "Something is not known.", (), *map(int, words))
        if kind == "listed":
            return ContractListed(*words)
        if kind == "roll":
            return Roll(*words, 0)
        if kind == "refused":
            raise MarketRefused("The key is not known.")
        return Notice(kind, f"It is {kind}.", words)
'''


def configured(folder: Path, url: str, portfolio: str, *, market: dict[str, Any], **runtime: Any) -> Path:
    """A configuration folder whose feed has `market`; of a source `written` that of SOURCE."""
    folder.mkdir()
    for name in ("portfolio_optimization.json", "contracts.json"):
        (folder / name).write_text((PACKAGED / name).read_text())
    (folder / "market.txt").touch()
    (folder / "written.py").write_text(SOURCE)
    packaged = json.loads((PACKAGED / "runtime.json").read_text())
    named = {"redis_url": url, "portfolio": portfolio, "market": market}
    (folder / "runtime.json").write_text(json.dumps(packaged | named | runtime))
    return folder


WRITTEN = {"source": "written.py:Written", "symbols": {"ES": "ES", "CL": "CL"}}


def writes(folder: Path, *lines: str) -> None:
    """The market goes on."""
    with (folder / "market.txt").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def now_ms() -> int:
    """This machine's clock, which is the server's in a test."""
    return time.time_ns() // 1_000_000


def step_times(bus: Bus) -> list[int]:
    """When each minute on the bus ended."""
    entries = bus.published_after(bus.keys.bars, ORIGIN, count=10_000, block_ms=1)
    return [int(entry.by_name["time_ms"]) for entry in entries]
