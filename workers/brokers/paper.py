"""A broker on paper: fills every order at once, at the given price and some ticks worse, for a commission.
With `fill_at` `next_bar` it is the trader that gives a strategy's orders one bar later, at that bar's open.
With `fills` its market fills in parts, late, not whole or not at all, see `paper_market`: a part that is not
the first at the last price known by then.

Positions and the exits that nobody has reported yet are in a book that all processes of the portfolio share
(see `legs_book` for what that holds good against), so that they outlive the process that made them, and
another can close the ones and report the others. Prices are taken as they come, off the tick grid and below
zero as well. Fills know no depth of market: any size gets one price. Stops rest beside positions as
`resting.on_paper` says.
"""

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from portfold.config import ConfigError, Configuration, Contract
from portfold.dollars import gross_pnl
from portfold.events.fields import Side
from portfold.workers.brokers.leg_arithmetic import check_order, check_price, join, reduce, worse
from portfold.workers.brokers.legs_book import Entries, PaperBook, open_leg
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.paper_cash import CASH_TABLE, move_cash
from portfold.workers.brokers.paper_market import (
    ORDERS_TABLE,
    Course,
    PaperFills,
    Part,
    course_of,
    next_number,
)
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    BrokerSetup,
    FillAt,
    MaySend,
    Withheld,
    always,
    close_each,
)
from portfold.workers.brokers.registry import PAPER
from portfold.workers.brokers.resting.fills import PricePath
from portfold.workers.brokers.resting.on_paper import STOPS_TABLE, RestingStops
from portfold.workers.brokers.resting.protective import StopPlace, check_place, stop_name
from portfold.workers.named import read_options

AnyFill = TypeVar("AnyFill", bound=Fill)


class PaperOptions(Struct, frozen=True):
    """Beside the costs, which are its contracts'."""

    fill_at: FillAt = "mark"
    fills: PaperFills | None = None


def open_paper(setup: BrokerSetup) -> "PaperBroker":
    """Returns the broker of kind `paper`. Raises ConfigError, BrokerError."""
    fills = setup.options(PaperOptions).fills or PaperFills()
    _check_fills_end(setup.configuration, fills)
    return PaperBroker(setup.book, setup.owner, setup.configuration.contracts, fills=fills)


def _check_fills_end(configuration: Configuration, fills: PaperFills) -> None:
    """Raises ConfigError for fills that outlast a slot: an entry must be over while the slot is reserved."""
    runtime = configuration.runtime
    longest = runtime.answer_seconds + fills.longest_seconds
    if longest >= runtime.reservation_seconds:
        expected = (
            f"fewer parts or less late, as an answer and an entry then take up to {longest:g} s, or "
            f"reservation_seconds to be more than that, which is {runtime.reservation_seconds:g}"
        )
        got = f"{fills.parts} parts, each up to {fills.late_ms} ms late"
        raise ConfigError(configuration.files.runtime.path, "broker.options.fills", expected, got)


def filled_at_once(configuration: Configuration) -> Configuration:
    """Returns the same configuration with paper fills at once and whole: for backtests, which have no time to
    be late in.
    """
    broker = configuration.runtime.broker
    options = {name: option for name, option in broker.options.items() if name != "fills"}
    runtime = replace(configuration.runtime, broker=replace(broker, options=options))
    return replace(configuration, runtime=runtime)


def fill_at(configuration: Configuration) -> FillAt:
    """Returns when orders are filled: as the paper broker's options say, with any other broker at once.

    Raises ConfigError.
    """
    broker = configuration.runtime.broker
    if broker.kind != PAPER:
        return "mark"
    runtime = configuration.files.runtime.path
    return read_options(PaperOptions, broker.options, runtime, "broker.options").fill_at


class PaperBroker:
    """Paper trading of `owner` in the shared `book`; meets `protocol.Broker`, and closes as a `with` ends.

    Every fill, entry and exit, costs the slippage and the commission of its contract. `patience` bounds, in
    seconds, the waits for the book; `fills` says how the market fills, and `pause` waits for a late part.
    """

    def __init__(
        self,
        book: Path,
        owner: str,
        contracts: Mapping[str, Contract],
        *,
        patience: float = 5.0,
        fills: PaperFills | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        if not owner:
            raise BrokerError("Expected the name of the worker that trades on paper, got none")
        self._owner = owner
        self._contracts = contracts
        self._fills = fills or PaperFills()
        self._at_once = self._fills == PaperFills()
        self._pause = pause
        self._book = PaperBook(book, patience, tables=(CASH_TABLE, ORDERS_TABLE, STOPS_TABLE))
        self._closed_late: Callable[[], object] = lambda: None
        with self._book.reading() as entries:
            self._protected = RestingStops(entries, contracts).symbols(owner)

    @property
    def sends_within_seconds(self) -> float:
        """See `protocol.sends_within`."""
        return self._fills.longest_seconds

    def enter(  # noqa: PLR0913 - what an entry is, each by its name
        self,
        symbol: str,
        side: Side,
        size: int,
        price: Decimal,
        *,
        may_send: MaySend = always,
        stop_distance: Decimal | None = None,
        stop_price: Decimal | None = None,
        at_limit: bool = False,
    ) -> OrderOutcome[Fill]:
        """Opens or adds to one's own leg, slippage worse than `price`, or at it as a limit; a BrokerError if
        that leg is on the other side. From then on a stop rests beside it, where it is said how far or where.
        """
        self._check_order(symbol, side, size)
        check_price(symbol, price)
        place = StopPlace(stop_distance, stop_price)
        check_place(symbol, place)
        if not may_send():
            raise Withheld(f"An entry of {size} {symbol} may not be made any more")
        opening = partial(self._open, symbol, side, place, price if at_limit else None)
        return self._filled(f"An entry of {size} {symbol}", size, price, opening)

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        """Closes `size` contracts of a leg, slippage worse than `price` or, for None, than the last mark."""
        self._check_order(symbol, side, size)
        if price is not None:
            check_price(symbol, price)
        owner = owner or self._owner
        if not self._at_once:
            with self._book.reading() as entries:  # before it is an order
                open_leg(entries, owner, symbol, side, size)
        leave = partial(self._leave, owner, symbol, side)
        return self._filled(f"An exit of {size} {symbol}", size, price, leave)

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Closes every leg of the owner at its last mark; where fills are at once, all in one transaction."""
        if not self._at_once:
            return close_each(self, owner or self._owner)
        with self._book.transaction() as entries:
            return [self._close(entries, leg, leg.size, None) for leg in entries.legs(owner or self._owner)]

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """Returns what is open, of everybody or of `owner` alone, by owner and symbol."""
        return self._book.read_legs(owner)

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        """Exits of the owner, or of everybody, that nobody has confirmed as reported; oldest first."""
        return self._book.read_unreported_exits(owner)

    def confirm_reported(self, fill_id: str) -> None:
        """Forgets an exit, of any owner, that is on the bus; does nothing if it is forgotten already."""
        self._book.confirm(fill_id)

    def mark(self, symbol: str, price: Decimal) -> None:
        """Records the last price of a symbol, whoever holds it: what an exit without a price is filled at.
        A stop of one's own that it reaches is filled.
        """
        self._contract(symbol)
        check_price(symbol, price)
        self.pass_through(symbol, PricePath(price, price, price))
        with self._book.transaction() as entries:
            entries.write_mark(symbol, price)

    def pass_through(self, symbol: str, path: PricePath) -> None:
        """Fills a stop of one's own that the price has reached on its way."""
        if symbol not in self._protected:
            return
        with self._book.transaction() as entries:
            reached = RestingStops(entries, self._contracts).reached(self._owner, symbol, path)
            if reached is not None:
                leg, price = reached
                self._close(entries, leg, leg.size, price, stop_name())
        if reached is not None:
            self._closed_late()

    def on_closed_late(self, callback: Callable[[], object]) -> None:
        """Calls back, on the thread that brought the price, once a stop of one's own is filled."""
        self._closed_late = callback

    def close(self) -> None:
        """Lets go of the book. What is open stays open in it."""
        self._book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _filled(
        self, what: str, size: int, price: Decimal | None, fill: Callable[[int, Decimal | None], AnyFill]
    ) -> OrderOutcome[AnyFill]:
        """Has an order filled, part by part. Raises BrokerError for one that gets nothing."""
        course = self._course(size)
        if not course.parts:
            became = "rejected" if course.rejected else "cancelled"
            raise BrokerError(f"{what} was {became} by the paper market")
        fills: list[AnyFill] = []
        for part in course.parts:
            if part.after_seconds:
                self._pause(part.after_seconds)
            try:
                fills.append(fill(part.size, None if fills else price))
            except BrokerError:
                if not fills:
                    raise
                break  # what it got it keeps
        got = sum(each.size for each in fills)
        return OrderOutcome(size, "filled" if got == size else "cancelled", tuple(fills))

    def _course(self, size: int) -> Course:
        if self._at_once:
            return Course((Part(size, 0.0),))
        with self._book.transaction() as entries:
            number = next_number(entries, self._owner)
        return course_of(self._fills, self._owner, number, size)

    def _open(
        self,
        symbol: str,
        side: Side,
        place: StopPlace,
        limit: Decimal | None,
        size: int,
        price: Decimal | None,
    ) -> Fill:
        commission = self._contract(symbol).commission_per_side * size
        with self._book.transaction() as entries:
            leg = entries.leg(self._owner, symbol)
            if leg is not None and leg.side != side:
                raise BrokerError(
                    f"{self._owner} is {leg.side} {leg.size} {symbol} and must close that before going {side}"
                )
            price = entries.mark(symbol) if price is None else price
            paid = self._worse(symbol, price, buys=side == "long") if limit is None else limit
            fresh = BrokerPosition(self._owner, symbol, side, size, paid, commission)
            held = join(leg, fresh) if leg else fresh
            entries.write_leg(held)
            self._protect(RestingStops(entries, self._contracts), held, leg, place)
            move_cash(entries, -commission)
            entries.write_mark(symbol, price)
        return Fill(self._owner, symbol, side, size, paid, commission, uuid4().hex)

    def _leave(self, owner: str, symbol: str, side: Side, size: int, price: Decimal | None) -> ExitFill:
        with self._book.transaction() as entries:
            return self._close(entries, open_leg(entries, owner, symbol, side, size), size, price)

    def _protect(
        self,
        stops: RestingStops,
        held: BrokerPosition,
        before: BrokerPosition | None,
        place: StopPlace,
    ) -> None:
        if before is None:
            stops.forget(held.owner, held.symbol)  # of one that was taken out of the book by hand
        if place.is_named:
            stops.put(held, place)
            self._protected.add(held.symbol)

    def _close(
        self, entries: Entries, leg: BrokerPosition, size: int, price: Decimal | None, fill_id: str = ""
    ) -> ExitFill:
        if price is None:
            price = entries.mark(leg.symbol)
        else:
            entries.write_mark(leg.symbol, price)
        left, entry_commission = reduce(leg, size)
        entries.write_leg(left)
        if not left.size:
            RestingStops(entries, self._contracts).forget(leg.owner, leg.symbol)
        contract = self._contract(leg.symbol)
        received = self._worse(leg.symbol, price, buys=leg.side == "short")
        commission = contract.commission_per_side * size
        made = gross_pnl(leg.side, leg.price, received, size, contract.point_value)
        move_cash(entries, made - commission)
        fill = ExitFill(
            leg.owner,
            leg.symbol,
            leg.side,
            size,
            received,
            commission,
            fill_id or uuid4().hex,
            leg.price,
            entry_commission,
        )
        entries.write_unreported_exit(fill)
        return fill

    def _worse(self, symbol: str, price: Decimal, *, buys: bool) -> Decimal:
        return worse(price, self._contract(symbol), buys=buys)

    def _check_order(self, symbol: str, side: object, size: object) -> None:
        self._contract(symbol)
        check_order(symbol, side, size)

    def _contract(self, symbol: str) -> Contract:
        if symbol not in self._contracts:
            known = ", ".join(self._contracts)
            raise BrokerError(f"Expected a symbol with a contract ({known}), got {symbol!r}")
        return self._contracts[symbol]
