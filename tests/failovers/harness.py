"""Fails servers over while eight workers trade by two coordinators, again and again, and checks what is left.

The primary is killed, or frozen until another is promoted, or its slot moves to another node while all
write. Then the workers rest, a person answers for what is lost and settles what differs, as the documentation
says, and it goes on. Guarantees, if nothing is reported as wrong: no yes that an order was sent on is lost,
each request has one answer, there was never a position too many, and all of it is decided again alike.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from portfold.config import write_defaults
from portfold.coordinator.store import log_integrity
from portfold.coordinator.views.overview import missed_at_the_end
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in
from portfold.events.codec import encode_checked
from portfold.events.incoming import PositionSettled, TradingResumed
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError
from tests.failovers.lives import PATIENCE_SECONDS, coordinator, worker
from tests.kills import checks
from tests.kills.children import Child, Nursery
from tests.waiting import until

WORKERS = 8
PORTFOLIO = "failovers"
_LEASE_MS = 600
_PEACE_SECONDS = 120.0
_PRICE, _NOTHING = Decimal(100), Decimal(0)
_SIGNED: Mapping[str, str] = {"by": "ann", "reason": "looked at the account"}


class Servers(Protocol):
    """Several servers of which one keeps the portfolio."""

    @property
    def url(self) -> str: ...

    @property
    def replicas(self) -> int:
        """How many replicas each primary has: a yes that all of them have outlives any failover."""
        ...

    @property
    def ways(self) -> Sequence[str]:
        """The ways in which another comes to keep it."""
        ...

    def fail(self, portfolio: str, way: str) -> None:
        """Returns when another keeps it."""
        ...

    def heal(self) -> None:
        """Returns when all servers are there and in step."""
        ...


class Failovers(NamedTuple):
    """What was done, and what came of it; `wrong` is empty when everything holds."""

    ways: Counter[str]
    to_next_answer: list[float]
    events: int
    requests: int
    sent: int
    acknowledged_losses: int
    wrong: list[str]


def run(folder: Path, servers: Servers, times: int, seed: int, say: Callable[[str], None]) -> Failovers:
    """Does it all in `folder`; `say` is told how it goes."""
    nursery = Nursery(folder)
    try:
        return _Floor(nursery, servers, folder, seed).play(times, say)
    finally:
        nursery.end()


class _Floor:
    """Two coordinators and eight workers, as long as it lasts."""

    def __init__(self, nursery: Nursery, servers: Servers, folder: Path, seed: int) -> None:
        self._servers = servers
        self._folder = folder
        self._random = Random(seed)
        config = folder / "config"
        write_defaults(config)
        runtime = config / "runtime.json"
        text = runtime.read_text().replace('"lease_ms": 1000', f'"lease_ms": {_LEASE_MS}')
        runtime.write_text(text)
        self._bus = Bus(connect(servers.url, timeout_seconds=PATIENCE_SECONDS), PORTFOLIO)
        self._coordinators = [
            nursery.start(name, coordinator(name, servers.url, PORTFOLIO, config))
            for name in ("coordinator-1", "coordinator-2")
        ]
        self._workers = [
            nursery.start(
                name, worker(name, servers.url, PORTFOLIO, folder / f"{name}.journal", servers.replicas)
            )
            for name in (f"worker-{number}" for number in range(WORKERS))
        ]
        self._ways: Counter[str] = Counter()
        self._to_next_answer: list[float] = []
        self._losses = 0
        self._wrong: list[str] = []

    def play(self, times: int, say: Callable[[str], None]) -> Failovers:
        until(self._view, "somebody to lead")
        order = [way for _ in range(times // len(self._servers.ways) + 1) for way in self._servers.ways]
        for number, way in enumerate(order[:times], 1):
            self._round(way)
            if self._wrong:
                break
            if number % 10 == 0:
                say(f"{number} failovers, {self._bus.extent().added:,} events")
        self._wind_up()
        return self._checked()

    def _round(self, way: str) -> None:
        """Trades, fails over, trades on; then rests until everybody agrees."""
        self._trade(len(self._sent()) + self._random.randint(5, 30), way)
        failed_at = time.monotonic_ns()
        self._servers.fail(PORTFOLIO, way)
        self._ways[way] += 1
        promoted_at = time.monotonic_ns()
        until(lambda: self._answers(promoted_at), f"an answer, {way}", seconds=_PEACE_SECONDS)
        self._to_next_answer.append(self._longest_silence(failed_at))
        self._peace(way)
        self._servers.heal()

    def _trade(self, enough: int, way: str) -> None:
        """Lets the workers trade until so many orders were sent, at peace again where something differs."""

        def traded() -> bool:
            self._answers_for_it()
            return len(self._sent()) >= enough or self._differs()

        while len(self._sent()) < enough and not self._wrong:
            self._all("trade")
            until(traded, "workers to trade", seconds=_PEACE_SECONDS, every=0.02)
            if self._differs():
                self._peace(f"before {way}")

    def _differs(self) -> bool:
        """Returns whether something is unsettled: one whose announcement came late says so only now."""
        view = self._view()
        return view is not None and bool(view.unsettled)

    def _peace(self, way: str) -> None:
        """Waits until all workers rest and nothing is left to answer for; a person does that."""
        since = time.monotonic_ns()
        self._all("rest")

        def peace() -> bool:
            with suppress(BusError):
                return self._all_rest(since) and not self._somebody_acts() and self._is_at_peace()
            return False

        try:
            until(peace, "peace", seconds=_PEACE_SECONDS, every=0.02)
        except AssertionError:
            view = self._view()
            self._wrong.append(f"{way}: no peace: {view and (view.halt, view.unsettled, view.tail_missing)}")

    def _somebody_acts(self) -> bool:
        """Does one thing that the status asks a person for; false if there is none."""
        view = self._view()
        if self._answers_for_it() or view is None or not self._is_decided():
            return True
        for odd in view.unsettled:
            settled = PositionSettled(
                **_SIGNED,
                symbol=odd.symbol,
                worker=odd.worker,
                side="long",
                size=0,
                price=_PRICE,
                pnl=_NOTHING,
            )
            self._bus.append(encode_checked(settled))
            return True
        return False

    def _answers_for_it(self) -> bool:
        """Acknowledges what is lost, or lifts the halt for it; false where there is neither."""
        with suppress(log_integrity.NothingLost, log_integrity.LogIntegrityLost, BusError):
            log_integrity.acknowledge(self._bus, lambda: missed_at_the_end(self._bus), **_SIGNED)
            self._losses += 1
            return True
        with suppress(BusError):
            if (view := self._view()) is not None and view.halt is not None:
                self._bus.append(encode_checked(TradingResumed(by="ann", reason="it is answered for")))
                return True
        return False

    def _is_at_peace(self) -> bool:
        view = self._view()
        return view is not None and self._is_decided() and not (view.positions or view.unsettled or view.halt)

    def _is_decided(self) -> bool:
        head, view = self._bus.head(), self._view()
        last = self._bus.last_event()
        return head is not None and head.cursor >= last and view is not None and view.last_event == str(last)

    def _view(self) -> PortfolioView | None:
        with suppress(BusError):
            return view_in(self._bus.status())
        return None

    def _all(self, order: str) -> None:
        self._note_failures()
        for one in self._workers:
            one.order(order)

    def _lines(self) -> list[list[str]]:
        files = self._folder.glob("worker-*.journal")
        return [line.split() for file in files for line in file.read_text().rpartition("\n")[0].splitlines()]

    def _sent(self) -> list[str]:
        """The yeses that orders were sent on."""
        return [line[1] for line in self._lines() if line[0] == "sent"]

    def _answers(self, since: int) -> list[int]:
        """When workers were answered after that moment, in order."""
        return sorted(int(line[3]) for line in self._lines() if line[0] == "told" and int(line[3]) > since)

    def _longest_silence(self, since: int) -> float:
        """Returns the seconds between two answers that lie furthest apart since then."""
        moments = [since, *self._answers(since)]
        return max(later - earlier for earlier, later in pairwise(moments)) / 1e9

    def _all_rest(self, since: int) -> bool:
        return sum(line[0] == "rests" and int(line[1]) > since for line in self._lines()) >= WORKERS

    def _note_failures(self) -> None:
        self._wrong += [
            f"{one.name} ended by itself, with {one.code}: see its log"
            for one in (*self._workers, *self._coordinators)
            if one.ended()
        ]

    def _wind_up(self) -> None:
        self._note_failures()
        self._end(self._workers)
        until(self._is_decided, "all to be decided")
        self._end(self._coordinators)

    def _end(self, children: Sequence[Child]) -> None:
        for one in children:
            one.order("stop")
        until(lambda: all(one.ended() for one in children), "them to end")
        self._wrong += [f"{one.name} ended with {one.code}: see its log" for one in children if one.code]

    def _checked(self) -> Failovers:
        log, sent = checks.read_log(self._bus), self._sent()
        allowed = {one["event"] for one in log.decisions if one["type"] == "EntryAllowed"}
        self._wrong += [
            f"an order was sent on {event}, and no yes to it is on the log"
            for event in sent
            if event not in allowed
        ]
        self._wrong += checks.every_request_has_one_answer(log)
        self._wrong += checks.all_is_decided_again(self._bus)
        breaches = self._bus.status().get("limit_breaches")
        self._wrong += [f"limits were breached: {breaches}"] if breaches != "0" else []
        self._bus.close()
        return Failovers(
            ways=self._ways,
            to_next_answer=self._to_next_answer,
            events=len(log.events),
            requests=sum(one.get("type") == "EntryRequested" for one in log.events.values()),
            sent=len(sent),
            acknowledged_losses=self._losses,
            wrong=self._wrong,
        )
