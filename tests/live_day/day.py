"""How a day is played: minute by minute, with what goes wrong in between, and all facts are waited for."""

import threading
from collections.abc import Callable
from decimal import Decimal

from portfold.events.wire.errors import BusError
from tests.fakes.tws.orders import Order
from tests.live import flat
from tests.live_day.market import TICKS_A_MINUTE
from tests.live_day.office import Office, Process
from tests.live_day.venue import Venue
from tests.waiting import until

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_CLOCK_SECONDS = 0.5
_MINUTES_FOR_ORDERS = 8
_ORDERS_COME_SECONDS = 3.0


class DidNotHappen(AssertionError):
    """What the script wanted to go wrong did not, or what should have come of it did not come."""


class Day:
    """One day in an `office`; `pace_seconds`: from one tick of the market to the next."""

    def __init__(self, office: Office, pace_seconds: float) -> None:
        self.office = office
        self.minutes = 0
        self._pace_seconds = pace_seconds
        self._pause = threading.Event()

    @property
    def venue(self) -> Venue:
        return self.office.venue

    @property
    def run(self) -> Process:
        """The process of `portfold run`, with whose log those of its children come."""
        return self.office.run

    # --- the market --------------------------------------------------------------------------------------

    def tick(self, *, withheld: bool = False) -> None:
        """Lets the market go on by a tick, at the day's pace."""
        self._pause.wait(self._pace_seconds)
        self.venue.tick(withheld=withheld)

    def minute(self, *, heard: bool = True, withheld: bool = False) -> None:
        """Lets the market go on to the end of the minute; waits until it is on the bus, if it is `heard`."""
        begun = len(self.venue.truth)
        if heard:  # a bar from too far ahead would open nothing
            self._pause.wait(self.venue.ahead_seconds)
        while len(self.venue.truth) == begun:
            self.tick(withheld=withheld)
        self.minutes += 1
        if heard:
            self.hear()
        self.until(self.decided, "all to be decided")

    def hear(self) -> None:
        """Waits until all minutes are on the bus. The vendor's clock goes on, so a feed that comes late hears
        that the last one is over.
        """

        def are_there() -> bool:
            return self.came(self.all_on_the_bus, _CLOCK_SECONDS) or self.venue.clock_goes_on()

        self.until(are_there, "all minutes to be on the bus")

    def until_heard(self) -> None:
        """Waits until a feed is connected and has caught up; one that has just taken over may not be."""
        data = self.venue.data
        self.until(lambda: any(each.is_streaming for each in data.connections), "a feed to hear the market")

    def open(self) -> None:
        """Lets the market go on once the feed hears it; it may not know how the first minute began."""
        self.until_heard()
        self.venue.begin()
        self.minute(heard=False)

    def hurry(self) -> None:
        """Lets as many ticks as a minute has go by at once: nobody hears them now."""
        for _ in range(TICKS_A_MINUTE):
            self.venue.tick()
        self.minutes += 1

    # --- facts -------------------------------------------------------------------------------------------

    def until(self, look: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits for a fact. Raises DidNotHappen."""
        if not self.came(look, seconds):
            raise DidNotHappen(f"{seconds:g} s went by without {what}")

    def came(self, look: Callable[[], object], seconds: float) -> bool:
        """Whether a fact came within so many seconds; while the bus is away nothing is one."""

        def seen() -> bool:
            try:
                return bool(look())
            except BusError:
                return False

        try:
            return until(seen, "it", seconds=seconds, every=_LOOK_SECONDS)
        except AssertionError as late:
            if "went by without it" not in str(late):
                raise
            return False

    def all_on_the_bus(self) -> bool:
        """Whether the bus has the last minute that was."""
        _, step = self.office.bus.last_step()
        return step is not None and step.time_ms >= self.venue.truth[-1].end_ms

    def decided(self) -> bool:
        """Whether all on the log is decided; then it is folded here too."""
        if not self.office.live.has_decided(self.office.bus.last_event()):
            return False
        self.office.look()
        return True

    def agree(self, *symbols: str) -> bool:
        """Whether log and account hold the same of these symbols, of all by default."""
        self.office.look()
        return all(
            self.on_the_log(symbol) == self.venue.held(symbol) for symbol in symbols or self.office.symbols
        )

    def on_the_log(self, symbol: str) -> int:
        """What the log holds, below zero for short."""
        held = [one for one in self.office.live.state.positions.values() if one.symbol == symbol]
        return sum(one.size if one.side == "long" else -one.size for one in held)

    def decisions(self, kind: str) -> list[dict[str, str]]:
        """The decisions of a kind so far."""
        return [one for one in map(flat, self.office.live.decisions()) if one["type"] == kind]

    # --- orders ------------------------------------------------------------------------------------------

    def entry_at_work(self) -> Order:
        """Lets the market go on until an entry waits at the exchange to be filled; all else is filled."""
        exchange, found = self.venue.exchange, list[Order]()
        exchange.fills = "on order"

        def look() -> bool:
            for order in self.venue.at_work():
                if not found and self.venue.opens(order):
                    found.append(order)
                elif order not in found:
                    self.venue.fill(order)
            return bool(found)

        for _ in range(_MINUTES_FOR_ORDERS):
            self.minute()
            if self.came(look, _ORDERS_COME_SECONDS):
                return found[0]
        raise DidNotHappen(f"{_MINUTES_FOR_ORDERS} minutes went by without an entry")

    def until_held(self, many: int, *, contracts: int = 0) -> list[str]:
        """Lets the market go on until so many symbols and contracts are held. Returns the symbols."""

        def are_held() -> bool:
            held = self.venue.held_symbols()
            return len(held) >= many and sum(abs(self.venue.held(one)) for one in held) >= contracts

        for _ in range(_MINUTES_FOR_ORDERS):
            if self.came(are_held, _ORDERS_COME_SECONDS):
                break
            self.minute()
        held = self.venue.held_symbols()
        require(len(held) >= many, f"only {', '.join(held) or 'nothing'} is held, not {many} symbols")
        return held

    def made(self) -> Decimal:
        """What the account has made so far, in dollars."""
        return self.venue.exchange.equity() - self.venue.cash


def require(happened: object, what: str) -> None:
    """Raises DidNotHappen unless it happened."""
    if not happened:
        raise DidNotHappen(what)
