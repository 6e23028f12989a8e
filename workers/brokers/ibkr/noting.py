"""Writes what the broker says into the book, on a thread of its own, and tells who waits for an order.

Guarantees: nothing that was heard is lost while this process lives, however long the book cannot be written;
what it dies with, the broker lists again to whoever comes next. An order that the broker does not list is
taken for never arrived only where that is certain: it was written to the very connection that listed all, or
an earlier one and the account holds what the book says without it. What stays unknown after that is told.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from portfold.config import Contract
from portfold.log import Log
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.heard import Listing, OrderNews
from portfold.workers.brokers.ibkr.order_life import Lost, NotThere, OrderLife
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.ibkr.settling.in_no_list import InNoList
from portfold.workers.brokers.legs_book import BookFailed, PaperBook
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.brokers.resting.protective import is_protective

_AGAIN_SECONDS = 0.2
_MOST_AT_ONCE = 1000
_PATIENCE_SECONDS = 1.0
_COMMISSION_SECONDS = 1.0
"""As long an exit that nobody waits for is kept from the book for its commission."""
_ON_ITS_WAY_MS = 60_000
"""As long another process may still be sending an order that is written down."""
EXIT_FRESH_MS = 15_000
"""As long after it was written down an exit may be sent."""
_EXIT_ON_ITS_WAY_MS = EXIT_FRESH_MS + 5_000
"""The same with its handing over, which takes a second at most."""

_Heard = OrderNews | Listing | LiveOrder


class Noting:
    """The broker's ears. `owner` is whose orders this process sends. Called are `taken_late` once an entry
    that nobody waits for has got something, `closed_late` once such an exit is booked, `noted` whenever the
    book has something new, and `cancel` with the reference of an entry that is still at work for nobody.
    """

    def __init__(self, book: PaperBook, contracts: Mapping[str, Contract], owner: str, log: Log) -> None:
        self._book = book
        self._contracts = contracts
        self._owner = owner
        self._log = log
        self._changed = threading.Condition()
        self._heard: deque[_Heard] = deque()
        self._sent: dict[str, tuple[int, float]] = {}
        self._waited_for: Counter[str] = Counter()
        self._lives: dict[str, OrderLife] = {}
        self._due: dict[str, float] = {}
        self._in_no_list = InNoList(log)
        self._look = False
        self._at_once = _MOST_AT_ONCE
        self._closing = False
        self.taken_late: Callable[[], object] = lambda: None
        self.closed_late: Callable[[], object] = lambda: None
        self.noted: Callable[[], object] = lambda: None
        self.cancel: Callable[[str], object] = lambda _reference: None
        self._thread = threading.Thread(target=self._run, name="ibkr-notes", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Writes what was heard, if that can be, and ends."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(2 * _PATIENCE_SECONDS)

    @property
    def is_in_doubt(self) -> bool:
        """Returns whether an order that this process sent is not over; a stop that rests is in no doubt."""
        with self._changed:
            return any(not self._rests(reference) for reference in self._sent)

    def _rests(self, reference: str) -> bool:
        life = self._lives.get(reference)
        return is_protective(reference) and life is not None and life.state == "working"

    # --- what is heard: any thread, without waiting ------------------------------------------------------

    def hear(self, news: OrderNews) -> None:
        """Takes in what was said of an order."""
        self._take(news)

    def hear_listing(self, listing: Listing) -> None:
        """Takes in that the broker has listed all it has."""
        self._take(listing)

    def hear_break(self, why: str) -> None:
        """Takes in that nothing is heard any more: what becomes of the orders that were sent is unknown."""
        with self._changed:
            self._heard.extend(OrderNews(reference, Lost(why)) for reference in self._sent)
            self._changed.notify_all()

    def hear_begun(self, order: LiveOrder) -> None:
        """Takes in an order that could not be written down before it was sent."""
        self._take(order)

    def _take(self, heard: _Heard) -> None:
        with self._changed:
            self._heard.append(heard)
            self._changed.notify_all()

    # --- who waits ---------------------------------------------------------------------------------------

    def begin(self, reference: str, life: OrderLife) -> None:
        """Follows an order from now on; one that is to be sent before it is in the book, since in there and
        followed by nobody it would be one of an earlier life, and a list without it proof that it was lost.
        """
        with self._changed:
            self._waited_for[reference] += 1
            self._lives.setdefault(reference, life)

    def note_sent(self, reference: str, connection: int) -> None:
        """Remembers on which connection the order was written."""
        with self._changed:
            self._sent[reference] = connection, time.monotonic()

    def end(self, reference: str) -> None:
        """Nobody waits for the order any more; it is still followed unless it is over."""
        with self._changed:
            self._waited_for[reference] -= 1
            if self._waited_for[reference] <= 0:
                del self._waited_for[reference]
                self._forget_if_over(reference)
                self._look = True  # an exit that he did not book
                self._changed.notify_all()

    def is_waited_for(self, reference: str) -> bool:
        """Returns whether somebody in this process waits for the order."""
        with self._changed:
            return reference in self._waited_for

    def wait(self, reference: str, fits: Callable[[OrderLife], bool], seconds: float) -> OrderLife:
        """Returns the order's life as the book has it, as soon as it fits or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: fits(self._lives[reference]), seconds)
            return self._lives[reference]

    def wait_for_listing(self, listing: Listing, seconds: float) -> None:
        """Returns once all that the listing said is in the book. Raises BookFailed after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._heard_whole(listing), seconds):
                raise BookFailed(f"The book of orders could not be written for {seconds:g} s")

    def _heard_whole(self, listing: Listing) -> bool:
        return all(each is not listing for each in self._heard)

    def begun(self, owner: str, symbol: str) -> LiveOrder | None:
        """Returns the owner's order on the symbol that could not be written down yet."""
        with self._changed:
            begun = [each for each in self._heard if isinstance(each, LiveOrder)]
        return next((each for each in begun if (each.owner, each.symbol) == (owner, symbol)), None)

    def _forget_if_over(self, reference: str) -> None:
        life = self._lives.get(reference)
        if life is None or life.is_over or reference not in self._sent:
            self._lives.pop(reference, None)
            self._sent.pop(reference, None)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._heard or self._closing or self._look, self._until_due())
                self._look = False
                if self._closing and not self._heard:
                    return
                batch = list(self._heard)[: self._at_once]
            try:
                lives = self._note(batch)
                self._at_once = _MOST_AT_ONCE
            except BookFailed as failed:
                self._log.error("What Interactive Brokers said is not in the book yet", why=str(failed))
                if self._closing:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _AGAIN_SECONDS)
                    self._look = True
                continue
            except Exception as error:  # noqa: BLE001 - what one message says must not end the hearing of all
                lives = {}
                if len(batch) > 1:
                    self._at_once = 1
                    continue
                self._log.critical("WHAT WAS SAID CANNOT BE NOTED", said=repr(batch), why=repr(error))
            with self._changed:
                for _ in batch:
                    self._heard.popleft()
                for reference, life in lives.items():
                    if reference in self._lives or reference in self._sent:
                        self._lives[reference] = life
                    if reference not in self._waited_for:
                        self._forget_if_over(reference)
                self._changed.notify_all()
            self.noted()

    def _until_due(self) -> float | None:
        """Returns the seconds until an exit is booked without its commission; None where none waits."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _note(self, batch: list[_Heard]) -> dict[str, OrderLife]:
        """Writes all of it in one transaction. Returns the lives of the orders it was about."""
        lives: dict[str, OrderLife] = {}
        late, forgotten, lacking = False, list[str](), None
        with self._book.transaction(_PATIENCE_SECONDS) as entries:
            booking = Booking(entries, self._contracts)
            for heard in batch:
                if isinstance(heard, LiveOrder):
                    if booking.orders.order(heard.reference) is None:
                        booking.orders.write(heard)
                    continue
                news = [heard] if isinstance(heard, OrderNews) else self._missing(booking, heard)
                for each in news:
                    before = booking.orders.order(each.reference)
                    order = booking.hear(each.reference, each.message)
                    if order is None or before is None:
                        continue
                    lives[order.reference] = order.life
                    if not self._is_waited_for(order):
                        late = late or (order.does == "enter" and order.life.filled > before.life.filled)
                if isinstance(heard, Listing):
                    forgotten = self._forgotten(booking, heard)
                    lacking = self._unlisted(booking, heard) if heard.complete else lacking
            done = self._book_exits(booking)
        for reference in done:
            del self._due[reference]
        for reference in forgotten:
            self._log.warning("An entry that nobody waits for is at work, and is cancelled", order=reference)
            with suppress(BrokerError):
                self.cancel(reference)
        if lacking is not None:
            self._in_no_list.look(lacking)
        for what in booking.unbookable:
            self._log.critical(
                "EXECUTED AND IN NO LEG: the account holds what nobody owns",
                order=str(what.order),
                size=what.size,
            )
        for late_charge in booking.charged_late:
            self._log.warning(
                "A commission came after its fill was reported: the account has paid it, the log has not",
                order=str(late_charge.order),
                dollars_more=f"{late_charge.more:.2f}",
            )
        for order in booking.corrected:
            self._log.critical(
                "An execution that is booked was corrected: look at the broker", order=str(order)
            )
        if late:
            _call_apart(self.taken_late)
        if done:
            _call_apart(self.closed_late)
        return lives

    def _forgotten(self, booking: Booking, listing: Listing) -> list[str]:
        """Returns the entries of this owner that are at work for nobody: their slots may be gone."""
        return [
            order.reference
            for order in booking.orders.open()
            if order.does == "enter" and order.sender == self._owner and order.reference in listing.working
            if order.reference not in self._waited_for
        ]

    def _book_exits(self, booking: Booking) -> list[str]:
        """Books the exits, and stops, that are over and nobody waits for: once their commissions are in, or
        are waited for no more. Returns those that are no longer due.
        """
        now = time.monotonic()
        for order in booking.orders.open():
            if order.does != "enter" and order.life.is_over and not self._is_waited_for(order):
                waits = _COMMISSION_SECONDS if order.life.lacks_commissions else 0.0
                due = self._due.setdefault(order.reference, now + waits)
                self._due[order.reference] = min(due, now + waits)
        done = [reference for reference, due in self._due.items() if due <= now]
        for reference in done:
            booking.book_exit(reference)
        return done

    def _is_waited_for(self, order: LiveOrder) -> bool:
        """Returns whether somebody books the order himself: here, or in another process that lives."""
        if order.sender == self._owner:
            return order.reference in self._waited_for
        return now_ms() - order.at_ms < _ON_ITS_WAY_MS

    def _missing(self, booking: Booking, listing: Listing) -> list[OrderNews]:
        """Returns that those orders never arrived which certainly did not."""
        return [
            OrderNews(order.reference, NotThere("Interactive Brokers has no such order: it never arrived"))
            for order in self._unlisted(booking, listing)
            if self._sent_on(order) == listing.connected or booking.holds_without(order, listing.positions)
        ]

    def _unlisted(self, booking: Booking, listing: Listing) -> list[LiveOrder]:
        """Returns the orders that are not over, and which the listing would have if they were there."""
        if not listing.complete:
            return []
        unlisted = (each for each in booking.orders.open() if each.reference not in listing.references)
        return [each for each in unlisted if not (each.life.is_over or self._is_on_its_way(each, listing))]

    def _sent_on(self, order: LiveOrder) -> int | None:
        """Returns the connection that this process wrote the order to."""
        sent = self._sent.get(order.reference)
        return sent[0] if sent is not None else None

    def _is_on_its_way(self, order: LiveOrder, listing: Listing) -> bool:
        """Returns whether it may have been sent after the listing was asked for."""
        sent = self._sent.get(order.reference)
        if sent is not None:
            return sent[1] >= listing.at
        if order.sender == self._owner:
            return order.reference in self._waited_for
        return _age_ms(order, listing) < _longest_on_its_way_ms(order)


def _age_ms(order: LiveOrder, listing: Listing) -> float:
    """Returns how old the order was when the listing was asked for."""
    return now_ms() - order.at_ms - 1000 * (time.monotonic() - listing.at)


def _longest_on_its_way_ms(order: LiveOrder) -> int:
    return _EXIT_ON_ITS_WAY_MS if order.does == "exit" else _ON_ITS_WAY_MS


def _call_apart(callback: Callable[[], object]) -> None:
    """Calls on a thread of its own: it may wait, and what is heard may not."""
    threading.Thread(target=callback, name="ibkr-late", daemon=True).start()
