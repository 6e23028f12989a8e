"""Whether the flattener's book and the log agree about what is open, found out before it matters.

A flattener that was given another book, or runs as another user, stands ready and can close nothing. And what
the book holds and the log does not, no limit counts, no open loss of it leads to a stop, and no reminder
names it: a fill that was never reported, or a settlement of what is still open. An order to close everything
closes it all the same, for that goes by the book. What is to have a protective stop at the broker and has
none is guarded by nothing once its worker is dead. Guarantees: each is logged, critically and with what to
do, within some seconds, and lies on the bus for `portfold doctor` and `portfold status`. A report that is on
its way to the log is no such thing: only what is so twice in a row is, and nothing is said of the log while
events are undecided.
"""

from collections.abc import Iterable

from portfold.clock import Clock
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in
from portfold.events.account import ACCOUNT
from portfold.events.fields import Side
from portfold.events.wire.bus import Bus
from portfold.log import Log
from portfold.remedies import flattener_with, settle
from portfold.workers.brokers.protocol import Broker
from portfold.workers.brokers.resting.protective import lacking_stops

NOT_IN_THE_BOOK = "the broker's book of this flattener does not hold what it is to close"
WHAT_TO_DO = (
    f"start it with the workers' book, which their logs name: {flattener_with(None)}; or close at the "
    f"broker, and: {settle(size='0')}"
)
NOT_ON_THE_LOG = "the broker's book holds what the log does not, so no limit counts it"
_ASK = f"look at the broker; let its worker start and tell; or, of what is open there: {settle()}"
NO_STOP = "no protective stop rests at the broker beside what is to have one"
_PLACE = "look at its worker's log; place a stop at the broker, or close there what is open"
_LOOK_SECONDS = 5.0
_LOOKS_IT_LASTS = 6

_Leg = tuple[str, str, Side]
"""Worker, symbol and side."""


class BookWatch:
    """Compares what is open on the log with what `broker` holds; `look` may be called often.

    `left_unreported`: where lost workers are to be flattened, what they hold in slots that are kept for them.
    """

    def __init__(self, bus: Bus, broker: Broker, *, log: Log, clock: Clock) -> None:
        self._bus = bus
        self._broker = broker
        self._log = log
        self._clock = clock
        self._next_look = clock.monotonic()
        self._missing: set[str] = set()
        self._unreported: set[str] = set()
        self._unguarded: set[str] = set()
        self._logged_lacks = self._logged_unreported = self._logged_unguarded = ""
        self.left_unreported: set[_Leg] = set()

    def look(self) -> None:
        """Compares when it is time to, logs what has changed, and leaves it on the bus. Raises nothing."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + _LOOK_SECONDS
        lasts_ms = int(_LOOKS_IT_LASTS * _LOOK_SECONDS * 1000)
        try:
            missing, unreported, left = self._compared()
            lacks = ", ".join(sorted(missing & self._missing))
            more = ", ".join(sorted(unreported & self._unreported))
            self.left_unreported = {leg for leg in left if _named([leg]) <= self._unreported}
            self._missing, self._unreported = missing, unreported
            self._bus.say_book_lacks(lacks, lasts_ms)
            self._bus.say_book_exceeds(more, lasts_ms)
            unguarded = {f"{one.symbol} {one.side} of {one.owner}" for one in lacking_stops(self._broker)}
            bare = ", ".join(sorted(unguarded & self._unguarded))
            self._unguarded = unguarded
            self._bus.say_without_stop(bare, lasts_ms)
        except Exception as error:  # noqa: BLE001 - the bus, or whatever a user's own broker raises
            self.left_unreported = set()
            self._log.warning("The book could not be compared with the log; trying again", why=repr(error))
            return
        if lacks and lacks != self._logged_lacks:
            text = f"WRONG BOOK: {NOT_IN_THE_BOOK} when its owner dies"
            self._log.critical(text, open=lacks, what_to_do=WHAT_TO_DO)
        if more and more != self._logged_unreported:
            self._log.critical(f"NOT ON THE LOG: {NOT_ON_THE_LOG}", open=more, what_to_do=_ASK)
        if bare and bare != self._logged_unguarded:
            self._log.critical(f"WITHOUT ITS STOP: {NO_STOP}", open=bare, what_to_do=_PLACE)
        self._logged_lacks, self._logged_unreported, self._logged_unguarded = lacks, more, bare

    def _compared(self) -> tuple[set[str], set[str], set[_Leg]]:
        """Returns what is open on the log and not here, and the other way round; and what of that lost
        workers left.

        First the log, for the book is always ahead of it.
        """
        last, head = self._bus.last_event(), self._bus.head()
        view = view_in(self._bus.status()) or PortfolioView()
        on_the_log = {(held.worker, held.symbol, held.side): held.size for held in view.positions}
        to_be_here = {leg for leg in on_the_log if leg[0] != ACCOUNT}  # the others: see `unowned`
        held: dict[_Leg, int] = {
            (one.owner, one.symbol, one.side): one.size for one in self._broker.positions()
        }
        closed = {(fill.owner, fill.symbol, fill.side) for fill in self._broker.unreported_exits()}
        unreported = {leg for leg, size in held.items() if size > on_the_log.get(leg, 0)}
        if head is None or head.cursor < last:
            unreported = set()
        left = unreported & _kept_for_the_lost(view)
        return _named(to_be_here - held.keys() - closed), _named(unreported), left


def _kept_for_the_lost(view: PortfolioView) -> set[_Leg]:
    """Returns the slots of lost workers, where these are to be flattened."""
    if view.limits is None or view.limits.on_worker_lost != "flatten":
        return set()
    lost = {one.worker for one in view.workers if one.presence == "lost"}
    slots = (*view.reserved, *view.taken_back)
    return {(one.worker, one.symbol, one.side) for one in slots if one.worker in lost}


def _named(legs: Iterable[_Leg]) -> set[str]:
    return {f"{symbol} {side} of {worker}" for worker, symbol, side in legs}
