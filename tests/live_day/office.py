"""The processes of a live portfolio, as a person starts them: coordinators, feeds, and `portfold run`.

`run` starts the workers, a feed, the flattener and the account watcher, and starts again whichever of them
dies; the office has two coordinators and another feed, as on another machine, and starts those again. What a
process has done it has logged: that is where the day looks.
"""

import json
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portfold.config import load, write_defaults
from portfold.config.locate import PACKAGED
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.cli.command_line import environment
from tests.fakes.databento_gateway.gateway import KEY
from tests.fakes.tws.exchange import PAPER_ACCOUNT
from tests.fakes.tws.gateway import HOST
from tests.forked import Forked
from tests.live import Live
from tests.live_day.venue import COMMISSION, Venue
from tests.processes import config_folder, is_gone
from tests.server import EmbeddedServer
from tests.waiting import until

PORTFOLIO = "day"
MAX_POSITIONS = 6
MAX_CONTRACTS = 12
DAILY_STOP = 10_000
PROTECTIVE_STOP = 2_000
"""Dollars a contract: farther than the market goes against anybody until the daily stop."""
CONTRACTS_AN_ENTRY = 2
_ACCOUNT_CLIENT_ID = 100
_END_SECONDS = 40.0


class Process:
    """A command of ours under way, and what it and its children have logged so far."""

    def __init__(self, words: Sequence[str], folder: Path, name: str) -> None:
        self.name = name
        self._file = folder / f"{name}.log"
        self._read = 0
        self._lines: list[dict[str, Any]] = []
        variables = environment(folder) | {"DATABENTO_API_KEY": KEY, "TMPDIR": str(folder)}
        with self._file.open("ab") as log:
            self._process = Forked("portfold", words, folder=folder, environment=variables, out=log, err=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All that was logged; what is no line of a log, as a traceback, counts as its text."""
        with self._file.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        if whole:
            self._read += len(whole) + 1
            self._lines += [_line(text) for text in whole.decode().splitlines()]
        return self._lines

    def said(self, text: str, since: int = 0) -> list[dict[str, Any]]:
        """The lines from number `since` on whose text, or reason, holds `text`."""
        return [line for line in self.lines[since:] if text in f"{line['event']} {line.get('why', '')}"]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def ends(self, number: signal.Signals) -> int:
        """Ends it by a signal; its exit code."""
        self.send(number)
        return self._process.wait(_END_SECONDS)


class Office:
    """All of it in `folder`; none outlives the block."""

    def __init__(self, folder: Path, symbols: Sequence[str], seed: int) -> None:
        self.folder = folder
        self.symbols = tuple(symbols)
        self.book = folder / "book.sqlite"
        self._config = folder / "config"
        write_defaults(self._config)
        self.server = EmbeddedServer(folder / "server")
        self.venue = Venue(load(str(PACKAGED), {}, folder), symbols, seed)
        self.coordinators: list[Process] = []
        self.feeds: list[Process] = []
        self._started = 0
        self._ended: list[str] = []

    def __enter__(self) -> Self:
        self.server.start()
        self.venue.__enter__()
        self._configure()
        client = connect(self.server.url)
        self.bus = Bus(client, PORTFOLIO)
        self.live = Live(self.bus, client)
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self.run, *self.feeds, *self.coordinators):
            process.send(signal.SIGKILL)
        self.venue.__exit__(kind, error, trace)
        self.bus.close()
        self.server.stop()

    # --- starting ----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Starts everybody, one after the other, and waits until all are at work."""
        self.replace_the_dead()
        until(self.bus.leader, "somebody to lead", every=0.02)
        until(lambda: self.bus.market().holder, "somebody to feed", every=0.02)
        self.start_run()
        self.until_all_at_work()

    def start_run(self) -> None:
        """Starts `portfold run`, with what is money everywhere but at this broker."""
        self.run = self._process("run", "--live", "--account", PAPER_ACCOUNT, "--book", str(self.book))

    def replace_the_dead(self) -> None:
        """Starts whom this office lacks of two coordinators and one feed."""
        for kind, among, wanted in (("coordinator", self.coordinators, 2), ("feed", self.feeds, 1)):
            among[:] = [each for each in among if not each.ended()]
            while len(among) < wanted:
                among.append(self._process(kind))

    def until_all_at_work(self) -> None:
        """Waits until every child of `run` is started, announced, and at the broker's gateway."""
        wanted = len(self.symbols) + 2

        def at_work() -> bool:
            assert not self.run.ended(), f"portfold run ended by itself: {self.run.lines[-3:]}"
            clients = [each for each in self.venue.broker.clients() if each >= _ACCOUNT_CLIENT_ID]
            return len(set(clients)) >= wanted and all(map(self.is_up, self.symbols))

        until(at_work, f"{wanted} processes at work; {self.run.said('')[-1:]}", every=0.05)

    def is_up(self, symbol: str) -> bool:
        """Whether the worker that trades it lives, and has said so on the log."""
        self.look()
        known = self.live.state.workers.get(f"ibs-{symbol}")
        return (
            known is not None and known.presence == "up" and self.bus.beats([f"ibs-{symbol}"])[0] is not None
        )

    def _process(self, *words: str) -> Process:
        self._started += 1
        where = ("--config", str(self._config))
        return Process((*words, *where), self.folder, f"{words[0]}-{self._started}")

    # --- who is who --------------------------------------------------------------------------------------

    def leader(self) -> Process:
        """The coordinator that leads."""

        def found() -> Process | None:
            who = (self.bus.leader() or "").split(".")  # host, process, and something to tell it by
            return next((each for each in self.coordinators if str(each.pid) in who), None)

        return until(found, "one of the coordinators to lead", every=0.02)

    def feeding(self) -> int:
        """The process that has the lease of the feed; 0 where none has."""
        who = self.bus.market().holder.split(" ")
        return next((each for each in (self.feeds[0].pid, self.child("feed")) if str(each) in who), 0)

    def child(self, name: str) -> int:
        """The process that `run` started last under a name: a symbol, `feed`, `flattener` or `account`."""
        return int([line for line in self.run.said("Started") if line.get("child") == name][-1]["pid"])

    def kill(self, process: int) -> None:
        """Kills a process with -9, be it started here or by `run`, and waits until it is gone."""
        started_here = (self.run, *self.feeds, *self.coordinators)
        own = next((each for each in started_here if each.pid == process), None)
        if own is not None:
            own.ends(signal.SIGKILL)
            return
        os.kill(process, signal.SIGKILL)
        until(lambda: is_gone(process), f"the end of process {process}", every=0.02)

    def look(self) -> None:
        """Folds here what was decided since the last look; it has to be the same."""
        if self.bus.head() is not None:
            self.live.agrees()

    # --- ending ------------------------------------------------------------------------------------------

    def close(self) -> list[str]:
        """Ends everybody in good order; who did not end so."""
        wrong = []
        for process in (self.run, *self.feeds, *self.coordinators):
            code = process.ends(signal.SIGTERM)
            if code != 0:
                wrong.append(f"{process.name} ended with exit code {code}: see its log")
        return wrong

    def _configure(self) -> None:
        symbols, futures = self.symbols, self.venue.futures
        gateway = {"host": HOST, "port": self.venue.broker.port}
        roll = datetime.now(UTC) + timedelta(hours=12)  # the day does not end in the middle of this one
        broker = {"account": PAPER_ACCOUNT, "fill_seconds": 2, "connect_seconds": 5}
        config_folder(
            self._config,
            limits={
                "symbols": list(symbols),
                "max_positions": min(MAX_POSITIONS, len(symbols)),
                "daily_stop_loss": DAILY_STOP,
            },
            runtime={
                "redis_url": self.server.url,
                "portfolio": PORTFOLIO,
                "max_contracts": MAX_CONTRACTS,
                "commission_per_side": float(COMMISSION),
                "trading_day": {"zone": "UTC", "roll": f"{roll:%H:%M}"},
                "broker": {
                    "kind": "ibkr",
                    "options": {**gateway, **broker, "contracts": {s: futures[s].name for s in symbols}},
                },
                "feed": {"kind": "bus", "options": {"minutes": 1}},
                "market": {
                    "source": "databento",
                    "options": {"gateway": HOST, "gateway_port": self.venue.data.port, "history": False},
                    "symbols": {symbol: f"{symbol}.v.0" for symbol in symbols},
                    "price_stale_seconds": 3_600,
                },
                "account": {
                    "name": PAPER_ACCOUNT,
                    "source": "ibkr",
                    "options": {**gateway, "client_id": _ACCOUNT_CLIENT_ID},
                    "report_seconds": 1,
                    "grace_seconds": 5,
                    "tolerance": 10,
                    "silent_seconds": 10,
                },
                "workers": {
                    "default": {
                        "entry_below": 0.4,
                        "exit_above": 0.6,
                        "sides": "both",
                        "max_bars": 3,
                        "size": CONTRACTS_AN_ENTRY,
                    }
                },
                "protective_stop": {"dollars": PROTECTIVE_STOP},
                "mark_seconds": 1,
                "flatten_seconds": 5,
            },
        )


def _line(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {"event": text}
