"""A trading floor: coordinator, told workers and the flattener as processes, one paper book, one log.

Whatever a test waits for is a fact on the log, in the status or in the book. What the processes logged is
checked line by line to be JSON, so a traceback anywhere fails the test that reads it.
"""

import contextlib
import os
import signal
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from portfold.config import Contract, load
from portfold.coordinator.views.order_outcome import Outcome, outcome_of
from portfold.events.incoming import PositionClosed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.workers.brokers.paper import PaperBroker
from tests.cli.command_line import Ran, called
from tests.costs import costing
from tests.live import Live, flat, read
from tests.processes import READY, ChildProcess, Coordinators, config_folder, state_of
from tests.stop.told_worker import Moment
from tests.waiting import until

QUICK: dict[str, Any] = {"heartbeat_seconds": 0.1, "worker_lost_seconds": 2, "answer_seconds": 10}
"""For tests that wait for a death: who gives no sign of life for so long is lost."""
FLATTENER_READY = "Flattener ready"


class Role(NamedTuple):
    """Who trades a symbol; at the moment `at` of an order it sends itself the signal `does`."""

    symbol: str
    at: Moment | None = None
    does: signal.Signals = signal.SIGKILL


class ToldWorker(ChildProcess):
    """The worker of one symbol, and the pipe it is told through."""

    def __init__(self, floor: "Floor", role: Role, name: str) -> None:
        self.symbol = role.symbol
        self._floor = floor
        self._words = 0
        pipe = floor.folder / f"{name}.pipe"
        os.mkfifo(pipe)
        # Open for reading as well, so that opening does not wait for the worker, nor writing fail without it.
        self._pipe: int | None = os.open(pipe, os.O_RDWR)
        super().__init__(
            "tests.stop.told_worker",
            *(floor.url, floor.live.keys.name, str(floor.config), role.symbol, str(floor.book), str(pipe)),
            *((role.at, role.does.name) if role.at else ()),
            folder=floor.folder,
            name=name,
        )

    def told(self, word: str, price: object) -> None:
        """Its next bar, and what to do on it."""
        assert self._pipe is not None
        self._words += 1
        os.write(self._pipe, f"{word} {price}\n".encode())

    def does(self, word: str, price: object) -> None:
        """Tells it, and waits until that is done."""
        self.told(word, price)
        self.says("Done", times=self._words)

    def enters(self, price: object = 1000) -> None:
        """Tells it to enter, and waits until it has been reported."""
        before = len(self._floor.by("PositionOpened", self))
        self.told("enter", price)
        until(lambda: len(self._floor.by("PositionOpened", self)) > before, f"{self.symbol} to be opened")

    def lies_still(self) -> None:
        """Waits until it has stopped itself; asked of the system, for the worker cannot tell."""
        until(lambda: state_of(self.pid) == "T", f"{self.symbol} to lie still")

    def hang_up(self) -> None:
        """No more bars: it ends in good order."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
        super().end()
        self.hang_up()


class Floor:
    """The processes of one portfolio; `book` is the paper book they share."""

    leader: ChildProcess

    def __init__(self, folder: Path, url: str, live: Live, coordinators: Coordinators) -> None:
        folder.mkdir()
        self.folder = folder
        self.url = url
        self.live = live
        self.book = folder / "book.sqlite"
        self.config = config_folder(folder / "config")
        self._contracts = load(str(self.config), {}, folder).contracts
        self._coordinators = coordinators
        self._started: list[ChildProcess] = []
        self._numbers = count(1)
        self._broker: PaperBroker | None = None

    def configure(self, **runtime: object) -> None:
        """Changes the runtime.json of whoever is started from here on."""
        config_folder(self.config, runtime=runtime)

    # --- processes ---------------------------------------------------------------------------------------

    def opens(self, *roles: Role, flattener: bool = False) -> list[ToldWorker]:
        """Coordinator, workers and, if wanted, the flattener, started all at once; all are ready."""
        self.leader = self.coordinator(ready=False)
        closer = self.flattener(ready=False) if flattener else None
        workers = self.workers(*roles)
        self.leader.says(READY)
        if closer is not None:
            closer.says(FLATTENER_READY)
        return workers

    def coordinator(self, *, ready: bool = True) -> ChildProcess:
        return self._coordinators.start(config=self.config, url=self.url, ready=ready)

    def workers(self, *roles: Role) -> list[ToldWorker]:
        """Workers that have announced themselves."""
        before = {role.symbol: len(self.announcements(f"ibs-{role.symbol}")) for role in roles}
        started = [self.worker_unheard(role) for role in roles]

        def all_announced() -> bool:
            return all(len(self.announcements(f"ibs-{symbol}")) > n for symbol, n in before.items())

        until(all_announced, "all announcements")
        return started

    def worker(self, *role: Any) -> ToldWorker:
        """The same for one."""
        [started] = self.workers(Role(*role))
        return started

    def worker_unheard(self, role: Role) -> ToldWorker:
        """The same without waiting for its announcement."""
        started = ToldWorker(self, role, f"{role.symbol}-{self._number()}")
        self._started.append(started)
        return started

    def flattener(self, *, ready: bool = True) -> ChildProcess:
        """The command as it ships."""
        words = ("flattener", "--url", self.url, "--portfolio", self.live.keys.name)
        started = ChildProcess(
            "portfold.cli.main",
            *(*words, "--config", str(self.config), "--book", str(self.book)),
            folder=self.folder,
            name=f"flattener-{self._number()}",
        )
        self._started.append(started)
        if ready:
            started.says(FLATTENER_READY)
        return started

    def _number(self) -> int:
        return next(self._numbers)

    def portfold(self, *words: str) -> Ran:
        """Runs the command as an operator does, on this portfolio."""
        where = ("--url", self.url, "--portfolio", self.live.keys.name, "--config", str(self.config))
        return called(*words, *where, cwd=self.folder)

    def end(self) -> None:
        for started in self._started:
            started.end()
        if self._broker is not None:
            self._broker.close()

    # --- the broker --------------------------------------------------------------------------------------

    @property
    def broker(self) -> PaperBroker:
        """The account, as the test looks into it."""
        if self._broker is None:
            self._broker = PaperBroker(self.book, "test", costing(self._contracts))
        return self._broker

    def contract(self, worker: ToldWorker) -> Contract:
        return self._contracts[worker.symbol]

    def held(self) -> list[str]:
        """What the broker holds, as `ES:ibs-ES`."""
        return [f"{one.symbol}:{one.owner}" for one in self.broker.positions()]

    def unreported(self) -> list[str]:
        """The exits that the broker still keeps for somebody to report."""
        return [f"{fill.symbol}:{fill.owner}" for fill in self.broker.unreported_exits()]

    # --- the log -----------------------------------------------------------------------------------------

    def by(self, kind: str, worker: ToldWorker | str) -> list[dict[str, str]]:
        """The events of one type that a worker has published."""
        name = worker if isinstance(worker, str) else f"ibs-{worker.symbol}"
        return [event for event in self.live.said(kind) if event["worker"] == name]

    def announcements(self, worker: str) -> list[dict[str, str]]:
        return self.by("WorkerStarted", worker)

    def closed_by(self) -> list[str]:
        """Who closed what, as the log tells it: `ES:ibs-ES by flattener`, in order."""
        return [
            f"{close['symbol']}:{close.get('owner') or close['worker']} by {close['worker']}"
            for close in self.live.said("PositionClosed")
        ]

    def decided(self, kind: str) -> list[Any]:
        """The decisions of one type so far."""
        return [read(entry) for entry in self.entries(kind)]

    def entries(self, kind: str) -> list[Entry]:
        """The same as they lie in the stream."""
        return [entry for entry in self.live.decisions() if flat(entry)["type"] == kind]

    def decides(self, kind: str, times: int = 1) -> Any:
        """Waits for a decision of that type, for so many of them; returns the last of these."""
        found = until(
            lambda: found if len(found := self.decided(kind)) >= times else None, f"{times} of {kind}"
        )
        return found[times - 1]

    def outcome(self, event: StreamId) -> Outcome:
        """What became of an operator's order that was written by hand."""
        return outcome_of(self.live.bus, event, wait_seconds=20)

    # --- the stop ----------------------------------------------------------------------------------------

    def opens_a_loser(self) -> None:
        """A position in 6A of somebody with no process to stop or kill; it is there to lose money."""
        self.live.asks("6A", worker="by-hand")
        self.live.fills("6A", worker="by-hand")

    def loses_too_much(self) -> StreamId:
        """It is closed at a loss of more than the day's limit: the stop."""
        leg: dict[str, Any] = {"symbol": "6A", "side": "long", "size": 1}
        made: dict[str, Any] = {"price": Decimal("99.974"), "commission": Decimal(0), "pnl": Decimal(-2600)}
        return self.live.publishes(self.live.next_of(PositionClosed, "by-hand", **leg, **made))

    def is_flat(self) -> None:
        """Waits until the stop has ended; then log, status and broker agree that nothing is open."""
        self.decides("PortfolioFlat")
        self.live.all_decided()
        assert self.live.state.positions == {}
        assert self.live.status()["open_positions_count"] == "0"
        assert self.live.status()["flattening"] == ""
        assert self.held() == []
