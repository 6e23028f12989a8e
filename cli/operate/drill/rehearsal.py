"""The stage of a drill: the portfolio's own limits, under a name of its own, with real processes on paper.

Two coordinators and a worker for each of a few symbols are started as the commands that they are; each worker
is long from its first bar on. Guarantees: nothing is done under the portfolio's own name, nothing is traded
but on paper, and every process ends with the block, or with this command however it ends.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from portfold.cli.exits import Failure
from portfold.cli.ordering import put
from portfold.cli.run.leash import leashed
from portfold.config.locate import CONTRACTS_FILE, PORTFOLIO_FILE, RUNTIME_FILE
from portfold.coordinator.views.view_field import view_in
from portfold.events.codec import decode_decided
from portfold.events.decisions import EntryDenied, first
from portfold.events.incoming import TradingResumed
from portfold.events.roles.server_roles import OPERATOR

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget
    from portfold.config import Configuration
    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.events.wire.bus import Bus

ENDING = "-rehearsal"
_MOST_SYMBOLS = 4
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_END_SECONDS = 10.0
_LATEST = 100
_OF_OTHER_PLACES = ("broker", "feed", "market", "account", "book", "archive_folder", "protective_stop")
"""What of runtime.json is about the real account, and is left out."""
_STRATEGY_FILE, _STRATEGY = (
    "always_long.py",
    '''"""Enters at every bar without a position, and never exits by itself."""

from msgspec import Struct

from portfold.workers.strategies.intent import Enter


class AlwaysLong:
    class Parameters(Struct, frozen=True):
        """There are none."""

    warm_up_bars = 1

    def __init__(self, parameters, trading_day):
        pass

    def decide(self, bar, held):
        return Enter("long", 1) if held is None else None
''',
)
_Fact = TypeVar("_Fact")


class _Child(NamedTuple):
    """A process of the rehearsal, and the file that has what it says."""

    name: str
    process: subprocess.Popen[bytes]
    said: Path


class Rehearsal:
    """As a context manager: everybody is there and holds something within the block."""

    def __init__(self, resolved: "ResolvedTarget", folder: Path, by: str) -> None:
        self.name = f"{resolved.portfolio}{ENDING}"
        self._resolved = replace(resolved, portfolio=self.name)
        self.bus: Bus = self._resolved.under(OPERATOR).bus()
        self._folder, self._by = folder, by
        self._children: list[_Child] = []
        limits = resolved.configuration.portfolio
        self.symbols = limits.symbols[: min(limits.max_positions, _MOST_SYMBOLS)]

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _begin(self) -> None:
        leader = self.bus.leader()
        if leader is not None:
            raise Failure(f"{self.name} is led by {leader} already: another drill, which has to end first.")
        _write_configuration(self._resolved.configuration, self._folder)
        for name in ("coordinator", "standby"):
            self.start_coordinator(name)
        self.until(self.bus.leader, "a coordinator leads")
        self.resume()
        book = str(self._folder / "book.sqlite")
        for symbol in self.symbols:
            words = ("worker", symbol, "--paper", "--bars", "synthetic", "--pace", "0.2", "--days", "1000")
            self._start(f"worker-{symbol}", *words, "--book", book)

    def start_coordinator(self, name: str) -> None:
        """Starts one more coordinator."""
        self._start(name, "coordinator")

    def kill_leader(self) -> str:
        """Kills the process that leads with -9, and returns who that was. Raises Failure."""
        leader = self.bus.leader() or ""
        for child in self._children:
            if f".{child.process.pid}." in leader:
                _kill(child)
                self._children.remove(child)
                return leader
        raise Failure(f"{self.name} is led by {leader or 'nobody'}, and by no process of this drill.")

    def resume(self) -> None:
        """Lifts what an earlier drill has left."""
        put(self.bus, TradingResumed(by=self._by, reason="a drill begins"))

    def until_all_hold(self) -> int:
        """Waits until every worker holds a position, and returns how many there are. Raises Failure."""

        def all_hold() -> int:
            return len(self.symbols) if len(self.view.positions) >= len(self.symbols) else 0

        return self.until(all_hold, "every worker holds a position")

    @property
    def view(self) -> "PortfolioView":
        """Returns how the rehearsal stands; as empty where nobody has written that yet."""
        from portfold.coordinator.views.portfolio_view import PortfolioView

        return view_in(self.bus.status()) or PortfolioView()

    def until(self, look: Callable[[], _Fact | None], fact: str) -> _Fact:
        """Waits for what `look` finds. Raises Failure where it does not come, or a process has ended."""
        give_up = monotonic() + _PATIENCE_SECONDS
        while not (found := look()):
            for child in self._children:
                if child.process.poll() is not None:
                    raise Failure(f"Before {fact}, {child.name} ended: {_last_line(child.said)}")
            if monotonic() > give_up:
                raise Failure(
                    f"{_PATIENCE_SECONDS:g} s went by, and it is not so that {fact}. {self._why_not()}"
                )
            sleep(_LOOK_SECONDS)
        return found

    def end(self) -> None:
        """Ends every process in good order, or by force."""
        for child in self._children:
            child.process.terminate()
        for child in self._children:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(_END_SECONDS)
            _kill(child)
        self._children.clear()
        self.bus.close()

    def _start(self, name: str, *words: str) -> None:
        said = self._folder / f"{name}.log"
        command = [*leashed(), *words, "--portfolio", self.name, "--config", str(self._folder)]
        with said.open("ab") as file:
            process = subprocess.Popen(
                command, env=self._environment(), stdin=subprocess.PIPE, stdout=file, stderr=file
            )
        self._children.append(_Child(name, process, said))

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "PORTFOLD_URL": self._resolved.url}

    def _why_not(self) -> str:
        for entry in self.bus.events_before(self.bus.last_event(), count=_LATEST):
            decided = (decode_decided(one.fields)[0] for one in self.bus.decisions_of(entry.id))
            if (denied := first(EntryDenied, decided)) is not None:
                return f"The last entry was denied: {denied.reason}"
        return " ".join(f"{child.name}: {_last_line(child.said)}" for child in self._children)


def _write_configuration(configuration: "Configuration", folder: Path) -> None:
    """Writes the portfolio's configuration for paper, and the strategy that all workers trade by."""
    files = configuration.files
    copyfile(files.portfolio.path, folder / PORTFOLIO_FILE)
    copyfile(files.contracts.path, folder / CONTRACTS_FILE)
    runtime = json.loads(files.runtime.path.read_bytes())
    kept = {key: value for key, value in runtime.items() if key not in _OF_OTHER_PLACES}
    strategy = {"strategy": f"{_STRATEGY_FILE}:AlwaysLong"}
    symbols = configuration.portfolio.symbols
    (folder / RUNTIME_FILE).write_text(
        json.dumps({**kept, "workers": dict.fromkeys(symbols, strategy)}), encoding="utf-8"
    )
    (folder / _STRATEGY_FILE).write_text(_STRATEGY, encoding="utf-8")


def _kill(child: _Child) -> None:
    child.process.kill()
    child.process.wait()
    if child.process.stdin is not None:
        child.process.stdin.close()


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
