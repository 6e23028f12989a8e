"""Kills traders and the flattener around an order, again and again, and sees to it that everybody knows.

Each round one trader, or the flattener in the middle of an exit, dies at a named place while the others trade
on. Then it comes back, or a flatten is ordered first and the flattener closes; a person does what the
documentation says about whatever was named. Guarantees, if nothing is reported as wrong: within seconds the
log holds what the account holds, whatever differed was named, and nothing was closed twice.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from portfold.events.incoming import FlattenRequested, TradingResumed
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.kills import doomed_broker as places
from tests.kills.account import (
    Account,
    Leg,
    PaperAccount,
    TradersPostAccount,
    keep_all_exits,
    rows,
    worker_of,
)
from tests.kills.children import Child, Life, Nursery
from tests.kills.lives import coordinator
from tests.kills.person import Person
from tests.kills.report import Report
from tests.kills.trading_lives import Desk, closer, trader
from tests.live import Live, flat
from tests.processes import config_folder
from tests.server import EmbeddedServer
from tests.waiting import until

SYMBOLS = ("6A", "CL", "ES")
_PORTFOLIO = "trading"
_UNHEARD = "flattener of a fill unheard of"
_COMES_SECONDS = 60.0
_PEACE_SECONDS = 45.0
_RUNTIME = {
    "heartbeat_seconds": 0.1,
    "worker_lost_seconds": 0.8,
    "flatten_seconds": 1.0,
    "answer_seconds": 2.0,
    "reservation_seconds": 5.0,  # the slot of one that is back before it is lost lasts until then
    "lease_ms": 3_000,
}
_LIMITS = {"max_positions": len(SYMBOLS), "daily_stop_loss": 9_999_999}


class Way(NamedTuple):
    """Who dies where, and who is back first: `itself`, or `the other` of owner and flattener."""

    who: str
    place: str
    first: str

    def __str__(self) -> str:
        return f"{self.who}: {self.place}; {self.first} first"


def ways(broker: str) -> list[Way]:
    """All there are with that broker."""
    named = places.PAPER_PLACES if broker == "paper" else places.TRADERSPOST_PLACES
    doers = ("trader", "told trader", "flattener", _UNHEARD)
    return [
        Way(who, place, first)
        for place in named
        for who in (doers if place.startswith("exit") else ("trader",))
        for first in ("itself", "the other")
    ]


def run(
    folder: Path,
    broker: str,
    kills: int,
    seed: int,
    say: Callable[[str], None],
    *,
    plant: str = "",
    only: Sequence[Way] = (),
) -> Report:
    """Does it all in `folder` with that broker, `paper` or `traderspost`; `say` is told how it goes.

    `plant`: a bug that the broker has, `only`: these ways to die.
    """
    report = Report(seed)
    with EmbeddedServer(folder / "server") as server:
        nursery = Nursery(folder)
        try:
            _Floor(nursery, server, folder, broker, report, plant).play(only or ways(broker), kills, say)
        finally:
            nursery.end()
    return report


class _Floor:
    """A coordinator, a flattener and three traders, as long as it lasts."""

    def __init__(
        self,
        nursery: Nursery,
        server: EmbeddedServer,
        folder: Path,
        broker: str,
        report: Report,
        plant: str,
    ) -> None:
        self._nursery = nursery
        self._report = report
        self._random = Random(report.seed)
        self._broker = broker
        self._lives = 0
        self._missed = 0
        self._again: Way | None = None
        self._desk = Desk(server.url, _PORTFOLIO, folder / "config", folder / "book.sqlite")
        keep_all_exits(self._desk.book)
        self._account = self._opened(plant)
        client = connect(server.url)
        self._bus = Bus(client, _PORTFOLIO)
        self._live = Live(self._bus, client)
        self._person = Person(self._desk, self._live, self._account)
        leads = coordinator("coordinator", server.port, _PORTFOLIO, self._desk.config, folder)
        nursery.start("coordinator", leads)
        self._flattener = self._started("flattener", closer(self._desk))
        self._traders = {symbol: self._trader(symbol) for symbol in SYMBOLS}

    def _opened(self, plant: str) -> Account:
        options: dict[str, object] = {"plant": plant}
        account: Account = PaperAccount(self._desk.book)
        if self._broker != "paper":
            account = served = TradersPostAccount(self._nursery, self._desk.book)
            options["url"] = served.url
        named = {"kind": f"tests.kills.doomed_broker:open_{self._broker}", "options": options}
        config_folder(self._desk.config, limits=_LIMITS, runtime=_RUNTIME | {"broker": named})
        return account

    def play(self, all_ways: Sequence[Way], kills: int, say: Callable[[str], None]) -> None:
        begun = time.monotonic()
        until(self._bus.status, "somebody to lead")
        order = deque(way for _ in range(kills // len(all_ways) + 1) for way in self._shuffled(all_ways))
        while order and (done := self._at_their_place()) < kills and not self._report.wrong:
            way = order.popleft()
            missed = self._missed
            self._round(way)
            if self._missed > missed:
                self._once_more(way, order)
            else:
                self._again = None
            if self._at_their_place() // 10 > done // 10:
                events = self._bus.extent().added
                say(f"{self._at_their_place()} kills with {self._broker}, {events:,} events")
        self._end()
        self._report.seconds = time.monotonic() - begun

    def _at_their_place(self) -> int:
        return self._report.kills.total() - self._missed

    def _once_more(self, way: Way, order: deque[Way]) -> None:
        """Plays it again, once: a machine that stands still for a second lets an order go another way."""
        if way == self._again:
            self._report.wrong.append(f"{way}: twice it did not come to its place")
        self._again = way
        order.appendleft(way)

    def _round(self, way: Way) -> None:
        gone = [one.name for one in (*self._traders.values(), self._flattener) if one.ended()]
        if gone:
            self._report.wrong.append(f"{', '.join(gone)} ended by itself: see its log")
            return
        symbol = self._random.choice(SYMBOLS)
        for other, child in self._traders.items():
            child.order("rest" if other == symbol else "trade")
        victim, leg = self._traders[symbol], (worker_of(symbol), symbol)
        victim.order("exit")
        if not self._peace(f"before {way}", leg, flat=True):
            return
        if way.who == _UNHEARD:
            self._doom(victim, Way("trader", places.ENTRY_FILLED, ""))
        elif way.place.startswith("exit"):
            victim.order("enter")
            until(lambda: self._on_log_and_held(leg), f"{leg} to be held")
            victim.order("rest")
        if way.who == "flattener":
            self._kill(victim, "trader, holding")
        self._doom(self._flattener if "flattener" in way.who else victim, way)
        self._recovers(way, symbol, leg)
        self._peace(str(way), leg)
        self._resumes()

    def _doom(self, child: Child, way: Way) -> None:
        child.order(f"doom {way.place}")
        if way.who == "trader":
            child.order("exit" if way.place.startswith("exit") else "enter")
        else:
            self._flattens()
        try:
            until(child.ended, str(way), seconds=_COMES_SECONDS)
        except AssertionError:
            self._kill(child, f"{way.who}, that did not come to its place")
            self._missed += 1
        else:
            self._report.kills[f"{way.who}, {way.place}"] += 1

    def _recovers(self, way: Way, symbol: str, leg: Leg) -> None:
        """The one that is there first closes what it can before the other is back."""
        if "flattener" in way.who:
            if way.first == "itself":
                self._flattener = self._started("flattener", closer(self._desk))
            else:
                self._traders[symbol] = self._trader(symbol)
            self._until_closed(leg, way)
        elif way.first == "the other":
            if way.who == "trader":
                self._flattens()
            self._until_closed(leg, way)
        if self._traders[symbol].ended():
            self._traders[symbol] = self._trader(symbol)
        if self._flattener.ended():
            self._flattener = self._started("flattener", closer(self._desk))

    def _until_closed(self, leg: Leg, way: Way) -> None:
        try:
            until(lambda: leg not in self._account.held(), f"{leg} to be closed", seconds=_PEACE_SECONDS)
        except AssertionError as late:
            self._report.wrong.append(f"{way}: {late}; held is {self._account.held()}")

    def _peace(self, when: str, *legs: Leg, flat: bool = False) -> bool:
        """Waits until log and account agree; a person helps, where he is told something."""
        self._person.did.clear()

        def agreed() -> bool:
            if not self._quiet() or self._person.looks() or not self._quiet():
                return False
            return all(self._agreed(leg) and not (flat and self._account.held().get(leg)) for leg in legs)

        try:
            until(agreed, "log and account to agree", seconds=_PEACE_SECONDS)
        except AssertionError:
            held = {leg: (self._on_log(leg), self._account.held().get(leg, 0)) for leg in legs}
            named = [
                f"{one.symbol} of {one.worker}: {one.kind}" for one in self._live.state.unsettled.values()
            ]
            self._report.wrong.append(
                f"{when}: log and account {held}; named: {named}; a person did: {self._person.did}"
            )
            return False
        return True

    def _quiet(self) -> bool:
        """Whether all on the log is decided; then it is looked at."""
        if not self._live.has_decided(self._bus.last_event()):
            return False
        self._live.agrees()
        return True

    def _on_log_and_held(self, leg: Leg) -> bool:
        self._quiet()
        self._person.looks()  # should it not come about for something that is unsettled
        return self._on_log(leg) != 0 and self._agreed(leg)

    def _agreed(self, leg: Leg) -> bool:
        self._quiet()
        return self._on_log(leg) == self._account.held().get(leg, 0)

    def _on_log(self, leg: Leg) -> int:
        return sum(
            one.size if one.side == "long" else -one.size
            for one in self._live.state.positions.values()
            if (one.worker, one.symbol) == leg
        )

    def _flattens(self) -> None:
        self._live.hears(FlattenRequested(by="ann", reason="to see it closed"))

    def _resumes(self) -> None:
        def resumed() -> bool:
            if self._live.state.halt is not None:
                self._live.hears(TradingResumed(by="ann", reason="it is closed"))
            return self._live.state.halt is None

        until(resumed, "trading to be resumed")

    def _end(self) -> None:
        for child in self._traders.values():
            child.order("exit")
        legs = [(worker_of(symbol), symbol) for symbol in SYMBOLS]
        self._peace("at the end", *legs, flat=not self._report.wrong)
        for child in (*self._traders.values(), self._flattener):
            child.order("stop")
            until(child.ended, f"{child.name} to end")
            if child.code != 0:
                self._report.wrong.append(f"{child.name} ended with {child.code}: see its log")
        self._live.all_decided()
        self._report.wrong += self._account.wrong() + self._every_exit_counts_once()
        self._report.events = len(self._live.events())
        self._bus.close()

    def _every_exit_counts_once(self) -> list[str]:
        """Each fill that closed something is on the log once, and no other."""
        refused = {
            flat(one)["event"] for one in self._live.decisions() if flat(one)["type"] == "EventRejected"
        }
        counted: dict[str, int] = {}
        for entry in self._live.events():
            fields = flat(entry)
            if fields.get("type") == "PositionClosed" and str(entry.id) not in refused:
                counted[fields.get("fill", "")] = counted.get(fields.get("fill", ""), 0) + 1
        noted = {fill for (fill,) in rows(self._desk.book, "SELECT fill_id FROM all_exits")}
        self._report.exits = len(noted)
        return [
            f"the exit {fill} counts {counted.get(fill, 0)} times, and was made {fill in noted}"
            for fill in sorted(noted | counted.keys())
            if counted.get(fill, 0) != 1 or fill not in noted
        ]

    def _kill(self, child: Child, how: str) -> None:
        child.kill()
        self._report.kills[how] += 1

    def _trader(self, symbol: str) -> Child:
        before = self._session(symbol)
        child = self._started(
            worker_of(symbol), trader(symbol, self._desk, f"{self._report.seed}:{self._lives}")
        )
        until(lambda: self._session(symbol) != before or child.ended(), f"{symbol} to be announced")
        return child

    def _session(self, symbol: str) -> str:
        """Of the last life that has announced itself."""
        self._quiet()
        known = self._live.state.workers.get(worker_of(symbol))
        return known.session if known else ""

    def _started(self, name: str, life: Life) -> Child:
        self._lives += 1
        return self._nursery.start(f"{name}-{self._lives}", life)

    def _shuffled(self, all_ways: Sequence[Way]) -> list[Way]:
        return self._random.sample(all_ways, len(all_ways))
