"""What a process trades through: a broker that tells its fills, or TradersPost, which tells nothing.

Which of the two is the seed's temper. Of TradersPost all is the production code: its client, its book and its
webhook; what stands behind that is a desk of ours with the true account.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

import requests

from portfold.log import Log
from portfold.workers.brokers import book_correction
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.orders_book import TABLES, BrokerOrder, Orders, State
from portfold.workers.brokers.protocol import OpenedBroker
from portfold.workers.brokers.traderspost import broker, last_moment, reconciliation, webhook
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.webhook import Webhook, longest_seconds
from tests.simulation.broker.desk import Desk
from tests.simulation.broker.mishaps import Mishaps
from tests.simulation.broker.posting import Posting
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.seats.world import World

_DAY = date(2025, 1, 15)
BELIEVED: tuple[State, ...] = ("accepted", "filled")


class _SharedBook(PaperBook):
    """One book for all processes of a run, in memory: they come and go, it stays."""

    def close(self) -> None:
        """Another process still uses it."""

    def end(self) -> None:
        super().close()


class Brokers:
    """Opens them for processes. `by_signals`: at TradersPost."""

    def __init__(self, world: "World", mishaps: Mishaps, desk: Desk) -> None:
        self.by_signals = world.temper.broker == "signals"
        self.mishaps = mishaps
        self._world = world
        self._posting = Posting(world.scheduler, desk)
        self._timeout_seconds = world.temper.send_ms / 1000
        self._book = _SharedBook(Path(":memory:"), 5.0, tables=TABLES) if self.by_signals else None

    def open(self, process: Process, owner: str, log: Log) -> OpenedBroker:
        """The owner's, in that process."""
        if not self.by_signals:
            return self._world.account.of(owner, process)
        seconds, contracts = self._timeout_seconds, self._world.account.contracts
        return TradersPost(
            Path("book"),
            owner,
            contracts,
            webhook=Webhook("https://desk", timeout_seconds=seconds, log=log),
            send_seconds=longest_seconds(seconds),
            names=ContractNames({symbol: f"{symbol}1!" for symbol in contracts}, lambda: _DAY),
            log=log,
        )

    def unsettled(self) -> list[BrokerOrder]:
        """The orders of which nobody knows, if any."""
        if self._book is None:
            return []
        with self._book.reading() as entries:
            return Orders(entries).unsettled()

    def gone(self) -> list[BrokerOrder]:
        """Entries that are believed filled, and of which nothing is open, as a person sees who looks."""
        if self._book is None:
            return []
        unsure = {(one.owner, one.symbol) for one in self.unsettled()}
        with self._book.reading() as entries:
            legs = {(leg.owner, leg.symbol): leg.size for leg in entries.legs(None)}
            taken = [one for one in Orders(entries).in_states(BELIEVED) if one.does == "enter"]
        found: list[BrokerOrder] = []
        for key in legs.keys() - self._world.account.held.keys() - unsure:
            found += [one for one in taken if (one.owner, one.symbol) == key][-1:]
        return sorted(found, key=lambda one: one.id)

    def close(self) -> None:
        """The run is over."""
        if self._book is not None:
            self._book.end()

    @contextmanager
    def substituted(self, random: Random) -> Iterator[None]:
        """Time, threads, connections, names and the file, for the production code of TradersPost."""
        posting = self._posting

        def name() -> SimpleNamespace:
            return SimpleNamespace(hex=random.randbytes(8).hex())

        with ExitStack() as stack:
            if self.by_signals:
                for owner, what, substitute in (
                    (webhook, "time", posting.time()),
                    (webhook, "threading", posting.threads()),
                    (webhook, "adapter", lambda attempt: attempt),
                    (last_moment, "threading", posting.threads()),
                    (requests, "Session", posting.session),
                    (broker, "uuid4", name),
                    (broker, "now_ms", self.now_ms),
                    (broker, "open_orders_book", self._opened),
                    (reconciliation, "open_orders_book", self._opened),
                    (book_correction, "open_orders_book", self._opened),
                ):
                    stack.enter_context(mock.patch.object(owner, what, substitute))
            yield

    def now_ms(self) -> int:
        """The machines' clocks, which nobody puts wrong here."""
        return self._world.temper.begins_ms + self._world.scheduler.now

    def _opened(self, path: Path, patience: float) -> PaperBook:  # noqa: ARG002 - there is one
        assert self._book is not None
        return self._book
