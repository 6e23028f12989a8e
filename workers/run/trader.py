"""One symbol's trader: bars in, orders out, every fill reported; behind the gate.

The order of an entry: signal, filter, gate, order, fill reported (`entries.entering`); one at a limit waits
for its price in between, and what a bar fills of it is filled before its stop (`entries.waiting_limit`).
Exits never ask. Where fills are at the next bar, what the strategy wants at the market waits, after the
filter, until that bar is there, and is then done at its open. What still waits when a life ends is not
entered any more.

An order to flatten comes on the gate's thread and closes at the broker at once; the gate's lock is held only
for an order and its report, so it never waits for an answer of the coordinator.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.config import Contract
from portfold.dollars import gross_pnl
from portfold.events.legs import Holding
from portfold.log import Log
from portfold.workers.brokers.contract_names import is_price_of
from portfold.workers.brokers.protocol import (
    Broker,
    BrokerError,
    BrokerPosition,
    FillAt,
    NotOpen,
    OpenedBroker,
    OrderUnknown,
    refuse_a_rest,
    when_closed_late,
    when_taken_late,
)
from portfold.workers.client.amount import exact
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.entries.entering import Entering
from portfold.workers.entries.waiting_limit import WaitingLimit
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.progress import BarProgress
from portfold.workers.filters.protocol import EntryFilter
from portfold.workers.protection import Protection, pass_through
from portfold.workers.run.gate_protocol import Gate
from portfold.workers.run.reporting import exit_line, report_exit
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition, Strategy, tell_if_gone

_AGAIN_SECONDS, _LONGEST_SECONDS = 2.0, 60.0


class _ExitRetry(NamedTuple):
    """An exit that the broker did not do: at which price and when it is tried again, after which pause."""

    price: Decimal
    at: float
    pause_seconds: float


class Manner(NamedTuple):
    """How it is traded.

    `entry_filter`: what signals have to pass, if anything, before the gate is asked. `progress`:
    where it is noted how far this life has come, for the next. `fill_at`: the close of the bar that
    decides, or the open of the next. `of_now`: whether a bar may open anything. `protection`: the stop that
    rests at the broker beside each position, if one does.
    """

    entry_filter: EntryFilter | None = None
    progress: BarProgress | None = None
    fill_at: FillAt = "mark"
    of_now: Callable[[Bar], bool] | None = None
    protection: Protection | None = None


class Trader:
    """Trades `contract` by `strategy`, through `gate` and `broker`. `clock`: for pauses."""

    def __init__(
        self,
        *,
        contract: Contract,
        strategy: Strategy,
        gate: Gate,
        broker: OpenedBroker,
        log: Log,
        manner: Manner | None = None,
        clock: Clock | None = None,
    ) -> None:
        entry_filter, progress, fill_at, of_now, protection = manner or Manner()
        self._contract, self._strategy = contract, strategy
        self._gate, self._broker, self._log = gate, broker, log
        self._filter = entry_filter
        self._progress = progress or BarProgress(None)
        self._of_now = of_now or (lambda _: True)
        self._protection = protection or Protection(None, contract, log)
        self._entering = Entering(contract, gate, broker, log, self._protection)
        self._limit = WaitingLimit(self._entering, gate, contract.tick_size, log)
        self._may_open = False
        self._waits = fill_at == "next_bar"
        # What is filled at a bar's open is there when that bar ends: the bar of its entry, number 0.
        self._bars_at_fill = -1 if self._waits else 0
        self._bars_held = 0 if self._progress.last is None else self._bars_at_fill
        self._waiting: Enter | None = None
        self._leaving = ""
        self._again: _ExitRetry | None = None
        self._clock = clock or SystemClock()
        self._seen: BrokerPosition | None = None  # what was held when the broker could last be asked
        self._unseen = False  # an entry was filled since then
        gate.on_flatten(self.flatten, reminded=True)
        when_taken_late(broker, gate.announce_again)
        when_closed_late(broker, self._report_closed_late)

    @property
    def symbol(self) -> str:
        """Returns what it trades."""
        return self._contract.symbol

    def report_leftovers(self, reason: str = "reported after a restart") -> None:
        """Reports what was closed and not reported: by an earlier life, or while this one did not wait."""
        for fill in self._broker.unreported_exits(self._gate.worker):
            report_exit(self._gate, self._broker, self._contract, fill, reason)

    def _report_closed_late(self) -> None:
        """Reports, on the broker's thread, what an exit has closed that was given up waiting for."""
        with self._gate.orders:
            self.report_leftovers("closed after it was given up waiting for")

    def warm_up(self, bar: Bar) -> None:
        """Shows the strategy and the filter a bar that an earlier life has traded; does nothing about it.

        What that life wanted to leave and did not is left at the first bar that is traded.
        """
        self._of_now(bar)
        held = self._held()
        self._protection.take(bar)
        if self._filter is not None:
            self._filter.take(bar)
        if held is not None and self._progress.was_held_at(bar.time):
            self._bars_held += 1
            intent = self._strategy.decide(bar, _as_held(held, self._bars_held))
            self._leaving = intent.reason if isinstance(intent, Exit) else self._leaving
        else:
            self._strategy.decide(bar, self._position_gone_since(bar, held))

    @property
    def resumes_after(self) -> datetime | None:
        """Returns the time of the last bar that an earlier life has traded."""
        return self._progress.last

    def on_bar(self, bar: Bar) -> None:
        """Marks what is open, then does what the strategy wants, or has it wait for the next bar."""
        self._may_open = self._of_now(bar)
        if self._waits:
            with self._surviving("did what had waited"):
                self._carry_out_waiting(bar)
        with self._surviving("looked after a limit entry"):
            self._take_limit(bar)
        self._protection.take(bar)
        with self._surviving("took note of the last price"):
            if is_price_of(self._held(), bar.contract):
                pass_through(self._broker, bar)
        looked = False
        with self._surviving("said what is held"):
            self._seen, looked = self._mark(bar), True
        held = self._seen
        if looked and self._unseen:
            tell_if_gone(self._strategy, held)
            self._unseen = False
        # One of its fill counts for no bar in the next life either, which begins with as many as that one.
        noted = self._note(bar, held=held is not None and self._bars_held > self._bars_at_fill)
        if self._filter is not None:
            self._filter.take(bar)
        intent = self._strategy.decide(bar, _as_held(held, self._bars_held))
        if isinstance(intent, Exit):
            self._leaving = intent.reason
        elif isinstance(intent, Enter) and looked and noted and self._may_open and self._passes(bar, intent):
            self._want(intent, bar)
        if held is None and looked:
            self._leaving = ""
        elif held is not None and self._leaving and not self._waits:
            self._leave(held, bar.close)

    def between_bars(self) -> None:
        """Tries again to leave what the broker did not close, after seconds, at growing pauses."""
        again, now = self._again, self._clock.monotonic()
        if again is None or now < again.at:
            return
        self._again = again._replace(at=now + again.pause_seconds)  # if the broker cannot say what is held
        with self._surviving("was to close what it had not"):
            held = self._held()
            if held is None or not self._leaving:
                self._again = None
            else:
                self._leave(held, again.price)

    def flatten(self, order: FlattenOrder) -> None:
        """Closes what is open of what was ordered, at the last price known."""
        with self._gate.orders:
            ordered = (*order.positions, *order.pending)
            if order.everything or any(leg.symbol == self.symbol for leg in ordered):
                self._limit.withdraw(order.cause)
            for held in self._broker.positions(self._gate.worker):
                if order.everything or any(leg.symbol == held.symbol for leg in order.positions):
                    self._close(held, None, order.cause)

    def withdraw_waiting(self, reason: str) -> None:
        """Gives back what is granted and waits for its price: nobody looks after it any more."""
        self._limit.withdraw(reason)

    def _held(self) -> BrokerPosition | None:
        mine = self._broker.positions(self._gate.worker)
        return next((held for held in mine if held.symbol == self.symbol), None)

    def _mark(self, bar: Bar) -> BrokerPosition | None:
        """Reports what the open position would make now, and returns it; nobody closes it in between."""
        with self._gate.orders:
            held = self._held()
            if held is None:
                return None
            self._bars_held += 1
            if is_price_of(held, bar.contract):
                made = gross_pnl(held.side, held.price, bar.close, held.size, self._contract.point_value)
                self._gate.position_marked(
                    self.symbol, held.side, price=bar.close, unrealized=made, moment_ms=bar.moment_ms
                )
            return held

    def _note(self, bar: Bar, *, held: bool) -> bool:
        """Notes that the bar is begun. Returns false on a full disk: nothing may be opened on it then."""
        try:
            self._progress.note(bar.time, held=held)
        except OSError as error:
            self._log.critical("A bar is not noted, so nothing is opened", symbol=self.symbol, why=str(error))
            return False
        return True

    @contextmanager
    def _surviving(self, what: str) -> Iterator[None]:
        """Logs a failure of the broker inside, and goes on: the next bar tries again, or something before."""
        try:
            yield
        except BrokerError as error:
            self._log.critical(f"The broker failed when it {what}", symbol=self.symbol, why=str(error))

    def _want(self, intent: Enter, bar: Bar) -> None:
        wish = self._entering.fitted(intent, bar)
        self._limit.withdraw("another entry is wanted")
        if wish is None:
            return
        if wish.limit is None and self._waits:
            self._waiting = wish
            return
        with self._surviving("entered"):
            if wish.limit is None:
                self._enter(wish, bar.close)
            else:
                self._limit.ask(wish, wish.limit, bar)

    def _position_gone_since(self, bar: Bar, held: BrokerPosition | None) -> OwnPosition | None:
        """Returns what the earlier life last held, at that bar, so that the strategy sees it go."""
        if held is None and bar.time == self._progress.last_held:
            return OwnPosition("long", bar.close, 0)
        return None

    def _carry_out_waiting(self, bar: Bar) -> None:
        """Carries out, at the bar's open, what waited for it; never twice, as no other life knows of it."""
        waiting, self._waiting = self._waiting, None
        if not (waiting or self._leaving):
            return
        held = self._held()
        if held is not None and self._leaving:
            self._leave(held, bar.open)
        elif held is None and waiting is not None and self._may_open:
            self._enter(waiting, bar.open)

    def _passes(self, bar: Bar, intent: Enter) -> bool:
        if not self._protection.is_known():
            return False
        if self._filter is None:
            return True
        verdict = self._filter.judge(bar, intent.side)
        how = "passed the filter" if verdict.passed else "filtered out"
        self._log.info(f"{self.symbol} entry {how}", side=intent.side, why=verdict.reason)
        return verdict.passed

    def _enter(self, wish: Enter, price: Decimal) -> None:
        if self._entering.at_market(wish, price):
            self._bars_held, self._unseen = self._bars_at_fill, True

    def _take_limit(self, bar: Bar) -> None:
        """Fills on its way what waits for its price; at the close this bar is the first that it is held."""
        if self._limit.take(bar, may_open=self._may_open):
            self._bars_held, self._unseen = -1, True

    def _leave(self, held: BrokerPosition, price: Decimal) -> None:
        """Does what the strategy has decided; what the broker does not do is tried again within seconds.

        An exit of which nobody knows is not, but at the next bar, when its answer may have come.
        """
        tried, self._again = self._again, None
        try:
            self._close(held, exact(price, "price"), self._leaving)
        except OrderUnknown as unknown:
            self._log.critical(
                "NOT CLOSED for sure; again at the next bar", symbol=held.symbol, why=str(unknown)
            )
        except BrokerError as error:
            pause = min(2 * tried.pause_seconds, _LONGEST_SECONDS) if tried else _AGAIN_SECONDS
            self._again = _ExitRetry(price, self._clock.monotonic() + pause, pause)
            self._log.critical("NOT CLOSED; trying again within seconds", symbol=held.symbol, why=str(error))

    def _close(self, held: BrokerPosition, price: Decimal | None, reason: str) -> None:
        """Closes at the broker, then reports. Raises BrokerError, also where a rest is open."""
        with self._gate.orders:
            try:
                outcome = self._broker.exit(held.symbol, held.side, held.size, price)
            except NotOpen as closed:
                self._log.warning("Already closed by somebody else", symbol=held.symbol, why=str(closed))
                return
            for fill in outcome.fills:
                report_exit(self._gate, self._broker, self._contract, fill, reason)
            told = exit_line(outcome, self._contract, self._gate.worker, reason)
            self._log.info(told, outcome=str(outcome))
            refuse_a_rest(outcome)


def holdings_of(broker: Broker, worker: str) -> list[Holding]:
    """Returns what the broker says the worker holds, for the coordinator to compare with the log."""
    return [
        Holding(held.symbol, held.side, held.size, exact(held.price, "price"))
        for held in broker.positions(worker)
    ]


def _as_held(held: BrokerPosition | None, bars: int) -> OwnPosition | None:
    return OwnPosition(held.side, held.price, bars) if held is not None else None
