"""Whether the flattener's book is the workers' one, found out before it matters.

A flattener that was given another book, or runs as another user, stands ready and can close nothing.
Guarantees: what is open on the log and neither open nor just closed in the book is said, critically and with
what to do, within some seconds, and lies on the bus for `portfold doctor`. A close that is on its way to the
log is no such thing: only what is missing twice in a row is.
"""

from coordinator.clock import Clock
from coordinator.log import Log
from coordinator.status_values import held_in
from events.bus import Bus
from events.errors import BusError
from workers.brokers.protocol import Broker, BrokerError

NOT_IN_THE_BOOK = "the broker's book of this flattener does not hold what it is to close"
WHAT_TO_DO = "give it the workers' --book, or close at the broker and `portfold settle`"
_LOOK_SECONDS = 5.0
_LOOKS_IT_LASTS = 6


class BookWatch:
    """Compares what is open on the log with what `broker` holds; `look` may be called often."""

    def __init__(self, bus: Bus, broker: Broker, *, log: Log, clock: Clock) -> None:
        self._bus = bus
        self._broker = broker
        self._log = log
        self._clock = clock
        self._next_look = clock.monotonic()
        self._missing: set[str] = set()
        self._said = ""

    def look(self) -> None:
        """Looks when it is time to, says what has changed, and leaves it on the bus. Raises nothing."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + _LOOK_SECONDS
        try:
            missing = self._not_here()
            lacks = ", ".join(sorted(missing & self._missing))
            self._missing = missing
            self._bus.say_book_lacks(lacks, int(_LOOKS_IT_LASTS * _LOOK_SECONDS * 1000))
        except (BusError, BrokerError) as error:
            self._log.warning("The book could not be compared with the log; trying again", why=str(error))
            return
        if lacks and lacks != self._said:
            text = f"WRONG BOOK: {NOT_IN_THE_BOOK} when its owner dies"
            self._log.critical(text, open=lacks, what_to_do=WHAT_TO_DO)
        self._said = lacks

    def _not_here(self) -> set[str]:
        """What is open on the log, and not here; first the log, for the book is always ahead of it."""
        on_the_log = {(held.worker, held.symbol, held.side) for held in held_in(self._bus.status())}
        if not on_the_log:
            return set()
        here = {(held.owner, held.symbol, held.side) for held in self._broker.positions()}
        here |= {(fill.owner, fill.symbol, fill.side) for fill in self._broker.unreported_exits()}
        return {f"{symbol} {side} of {worker}" for worker, symbol, side in on_the_log - here}
