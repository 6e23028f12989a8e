"""What the children do: coordinators and archivers to be doomed; workers that write down what was said."""

import os
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

from portfold.config import load, with_archive
from portfold.coordinator.process import leader
from portfold.coordinator.process.init_system import InitSystem
from portfold.coordinator.process.process import CoordinatorProcess
from portfold.coordinator.store.archiver import Keep, NotArchived, archive_history
from portfold.events.codec import Fields, encode_checked
from portfold.events.fields import Side
from portfold.events.incoming import PositionSettled
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusUnreachable
from portfold.log import open_log
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.kills.children import Hear, Life
from tests.kills.doomed_bus import DoomedArchiverBus, DoomedBus
from tests.waiting import until

EVENTS_A_SNAPSHOT = 100  # so that there is one to be killed in every moment or so
SYMBOLS = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")
KEPT = 100
_SEGMENT_EVENTS = 50
_PAUSE_SECONDS = 0.002


def coordinator(name: str, port: int, portfolio: str, config: Path, archive: Path) -> Life:
    """The production process. Orders: `stop`, and `doom PLACE`."""

    def live(orders: Callable[[Hear], None]) -> None:
        leader.EVENTS_A_SNAPSHOT = EVENTS_A_SNAPSHOT
        stop = threading.Event()
        bus = DoomedBus(connect(_url(port)), portfolio)
        bus.address = ("127.0.0.1", port)

        def hear(order: str) -> None:
            word, _, place = order.partition(" ")
            if word == "doom":
                bus.doom = place
            else:
                stop.set()

        orders(hear)
        log, lines = open_log(name)
        configuration = with_archive(load(str(config), {}, config), archive)
        CoordinatorProcess(configuration, bus, clock="server", log=log, stop=stop, who=name).run(InitSystem())
        lines.close()

    return live


def archiver(port: int, portfolio: str, archive: Path, doom: str) -> Life:
    """Moves all but the latest events to the archive, and dies on the way if `doom` names a place there."""

    def live(orders: Callable[[Hear], None]) -> None:
        orders(lambda _: None)
        bus = DoomedArchiverBus(connect(_url(port)), portfolio)
        bus.doom = doom
        try:
            archive_history(bus, archive, Keep(events=KEPT), segment_events=_SEGMENT_EVENTS)
        except NotArchived as error:  # there is no snapshot yet
            print(error)

    return live


def worker(name: str, port: int, portfolio: str, journal: Path, seed: str) -> Life:
    """Trades through the production gate until told to stop, as fast as it is answered."""

    def live(orders: Callable[[Hear], None]) -> None:
        stop = threading.Event()
        orders(lambda _: stop.set())
        journal_bus = JournalBus(connect(_url(port), timeout_seconds=3.0), portfolio)
        journal_bus.journal = Journal(journal)
        settings = GateSettings(
            url=_url(port), portfolio=portfolio, heartbeat_seconds=0.5, worker_lost_seconds=20.0
        )
        log, lines = open_log(name)
        with PortfolioGate(
            name, symbols=SYMBOLS, settings=settings, log=log, environment=GateEnvironment(bus=journal_bus)
        ) as gate:
            _settle_what_the_last_life_held(gate, journal_bus)
            random = Random(seed)
            while not stop.wait(_PAUSE_SECONDS):
                _trade(gate, journal_bus.journal, random)
        lines.close()

    return live


def _trade(gate: PortfolioGate, journal: "Journal", random: Random) -> None:
    """Asks; of what is allowed, two thirds are filled and closed, the rest is given back."""
    symbol = random.choice(SYMBOLS)
    side: Side = "long" if random.random() < 0.5 else "short"
    with gate.request_entry(symbol, side) as entry:
        if entry.event is not None and entry.code not in ("no_answer", "bus_unreachable"):
            journal.write(f"told {entry.event} {entry.code or 'allowed'}")
        if not entry or random.random() < 1 / 3:
            return
        journal.write(f"holds {symbol} {side}")
        gate.position_opened(symbol, side, price=100)
        gate.position_closed(symbol, side, price=100, pnl=0, commission=0)
        journal.write("flat")


def _settle_what_the_last_life_held(gate: PortfolioGate, bus: "JournalBus") -> None:
    """The account is flat by now; somebody says so."""
    held = bus.journal.last_held()
    if held is None:
        return
    symbol, side = held
    order = PositionSettled(
        by="ann",
        reason="flat by now",
        symbol=symbol,
        worker=gate.worker,
        side="long" if side == "long" else "short",
        size=0,
        price=Decimal(100),
        pnl=Decimal(0),
    )
    _append_surely(bus, encode_checked(order))
    bus.journal.write("flat")


def _append_surely(bus: Bus, fields: Fields) -> None:
    """However often the server is killed meanwhile. It may be there twice then, which does no harm here."""

    def appended() -> bool:
        try:
            bus.append(fields)
        except BusUnreachable:
            return False
        return True

    until(appended, "the settlement on the log")


class Journal:
    """What a worker knows for certain, line by line: written at once, so that no kill takes it back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())

    def last_held(self) -> tuple[str, str] | None:
        """Symbol and side of what was open when the last life ended."""
        lines = [line.split() for line in self._path.read_text().splitlines()]
        last = next((words for words in reversed(lines) if words[0] in ("holds", "flat")), ["flat"])
        return (last[1], last[2]) if last[0] == "holds" else None


class JournalBus(Bus):
    """Writes down every event that the server acknowledged, the moment it has."""

    journal: Journal

    def append(self, fields: Fields, stamp: str = SERVERS_TIME) -> StreamId:
        event = super().append(fields, stamp)
        said = dict(zip(fields[::2], fields[1::2], strict=True))
        self.journal.write(f"acknowledged {event} {said.get('session', '-')} {said.get('seq', '-')}")
        return event


def _url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"
