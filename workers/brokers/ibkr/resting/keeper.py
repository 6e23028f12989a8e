"""Keeps a protective stop at Interactive Brokers beside each leg of one owner, of exactly its size.

A stop is never changed: one that does not fit any more, as an entry got more or a part was closed, is
cancelled, and only once that is certain the next is placed. It rests until cancelled (GTC), in a group of its
own that every exit of the leg joins: the first execution of either ends the other at the broker, so none of
the two can open the other way, whoever sent the exit and whatever is lost on the way. A stop that outlives
its leg all the same is cancelled at once, and one that is of more than the account holds within seconds.

One that is refused, or cancelled by somebody else, is said, critically, and placed again at growing pauses,
for as long as the leg is open; meanwhile its owner adds nothing to it, and may always leave it.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from portfold.clock import SystemClock
from portfold.config import Contract
from portfold.log import Log
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.contracts import Traded
from portfold.workers.brokers.ibkr.noting import Noting
from portfold.workers.brokers.ibkr.order_life import begin
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from portfold.workers.brokers.ibkr.resting.fitting import Step, lacks_stop, new_stop, steps
from portfold.workers.brokers.ibkr.resting.shortfall import Shortfall
from portfold.workers.brokers.ibkr.sending import OrderSender
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition
from portfold.workers.brokers.resting.protective import stop_name
from portfold.workers.pauses import Pauses

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 2.0
"""Also where nothing is heard: somebody may have closed a position at the broker, or settled it."""
_WHAT_TO_DO = "look at the order there; the position may be closed at any time, by its worker or by hand"


class StopKeeper:
    """The stops of `owner`, on a thread of its own. `held_in`: the contract that a leg of his is in."""

    def __init__(
        self,
        book: PaperBook,
        contracts: Mapping[str, Contract],
        owner: str,
        *,
        noting: Noting,
        sender: OrderSender,
        held_in: Callable[[str, str], Traded | None],
        log: Log,
    ) -> None:
        self._book = book
        self._contracts = contracts
        self._owner = owner
        self._noting = noting
        self._sender = sender
        self._held_in = held_in
        self._log = log
        self._pauses = Pauses(SystemClock(), _FIRST_SECONDS, _LONGEST_SECONDS)
        self._placed: dict[str, LiveOrder] = {}
        self._ended: dict[str, str] = {}
        self._lacking: set[str] = set()
        self._shortfall = Shortfall(owner, sender, log)
        self._held: Mapping[str, int] = {}
        self._woken = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ibkr-stops", daemon=True)

    def open(self) -> None:
        """Begins."""
        self._noting.noted = self._woken.set
        self._woken.set()
        self._thread.start()

    def close(self) -> None:
        """Ends; what rests at the broker rests on."""
        self._over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST_SECONDS)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        pending = False
        while not self._over.is_set():
            self._woken.wait(_LOOK_AGAIN_SECONDS if pending else _LOOK_SECONDS)
            self._woken.clear()
            try:
                pending = not self._over.is_set() and self._tend()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look tries again
                pending = True
                self._log.critical("Protective stops cannot be looked after; trying again", why=repr(error))
                self._over.wait(_LOOK_AGAIN_SECONDS)

    def _tend(self) -> bool:
        """Does what is wanted and due. Returns whether anything is left to be done later."""
        self._shortfall.ask()
        with self._book.reading() as entries:
            booking = Booking(entries, self._contracts)
            self._held = self._shortfall.held(booking)
            wanted = list(steps(booking, self._owner, self._contracts, self._held))
            well = {symbol for symbol in self._lacking if not lacks_stop(booking, self._owner, symbol)}
        for symbol in well:
            self._lacking.discard(symbol)
            self._pauses.end(symbol)
            self._log.info(f"{symbol} of {self._owner} has its protective stop again, or is closed")
        for step in wanted:
            if step.ends is not None:
                self._end(step.ends)
            elif step.leg is not None:
                self._begin(step, step.leg)
        return bool(wanted or self._lacking or self._shortfall.is_suspected)

    def _end(self, stop: LiveOrder) -> None:
        """Has a stop cancelled that does not fit; what becomes of that is heard."""
        attempt = (stop.symbol, "end")
        if not stop.life.heard or not self._pauses.is_over(attempt):
            return
        self._pauses.begin(attempt)
        self._ended[stop.symbol] = stop.reference
        with suppress(BrokerError):
            self._sender.cancel(stop.reference)

    def _begin(self, step: Step, leg: BrokerPosition) -> None:
        """Places the stop that a leg lacks, unless it was refused a moment ago."""
        self._judge_the_last(leg.symbol)
        traded = self._held_in(self._owner, leg.symbol)
        if traded is None or not self._pauses.is_over(leg.symbol):
            return
        name = stop_name()
        self._noting.begin(name, begin(leg.size))  # before it is in the book, see there
        try:
            self._place(name, step, traded)
        finally:
            self._noting.end(name)

    def _place(self, name: str, step: Step, traded: Traded) -> None:
        with self._book.transaction() as entries:
            booking = Booking(entries, self._contracts)
            if step not in steps(booking, self._owner, self._contracts, self._held):
                return
            stop = new_stop(booking, name, self._owner, step)
        self._placed[stop.symbol] = stop
        self._pauses.end((stop.symbol, "end"))
        try:
            self._sender.send(stop, traded, partial(self._is_still_right, stop))
        except BrokerError as error:  # not sent, and never will be
            self._log.warning("A protective stop was not sent", order=str(stop), why=str(error))

    def _is_still_right(self, stop: LiveOrder) -> bool:
        try:
            with self._book.reading() as entries:
                leg = entries.leg(stop.owner, stop.symbol)
                exits = Booking(entries, self._contracts).open_orders(stop.owner, stop.symbol, "exit")
            size = min(leg.size, self._held.get(stop.symbol, leg.size)) if leg is not None else 0
        except BrokerError:
            return False
        return leg is not None and (leg.side, size) == (stop.side, stop.size) and not exits

    def _judge_the_last(self, symbol: str) -> None:
        """Says that the last stop of the symbol is gone, where nobody of ours has ended it."""
        placed = self._placed.pop(symbol, None)
        if placed is None:
            return
        with self._book.reading() as entries:
            orders = Booking(entries, self._contracts).orders
            stop, exits = orders.order(placed.reference) or placed, orders.exits_in(placed)
        if (
            stop.life.filled
            or self._ended.get(symbol) == stop.reference
            or any(each.life.filled for each in exits)
        ):
            return
        self._lacking.add(symbol)
        self._log.critical(
            f"WITHOUT ITS STOP: {symbol} of {self._owner} is open, and its protective stop was "
            f"{stop.life.state}",
            why=stop.life.message,
            again_in_seconds=self._pauses.begin(symbol),
            what_to_do=_WHAT_TO_DO,
        )
