"""Workers: the production trader behind the production gate, told what to want; and the production flattener.

What a strategy would want comes from the schedule. Beside what a trader does of its own, the one here also
does what brokers and people do to it: orders filled in part, late, unasked; reports that are wrong or double.
"""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import structs

from portfold.events.fields import Side
from portfold.workers.brokers.order import Fill
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.feeds.bar import Bar
from portfold.workers.flattener import flattener
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.simulation.broker.account import Working
from tests.simulation.memory.wire import Wire
from tests.simulation.scheduler import Process, Violation
from tests.simulation.seats.gates import GateSeat
from tests.simulation.seats.world import World

_SOME_TIME = datetime(2025, 1, 15, tzinfo=UTC)


class Told:
    """A strategy that wants what it is told, once."""

    def __init__(self) -> None:
        self.intent: Intent = None

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:  # noqa: ARG002 - it has no mind of its own
        intent, self.intent = self.intent, None
        return intent


class WorkerSeat(GateSeat):
    """Whoever sits here trades `symbol`."""

    def __init__(self, world: World, name: str, symbol: str) -> None:
        super().__init__(world, name)
        self.symbol = symbol
        self._account = world.account

    def open(self, process: Process, wire: Wire) -> None:
        self._broker = broker = self.world.brokers.open(process, self.name, self.log)
        gate = self.make_gate(process, wire, (self.symbol,), lambda: holdings_of(broker, self.name))
        self._told = Told()
        contract = self._account.contracts[self.symbol]
        self._trader = Trader(contract=contract, strategy=self._told, gate=gate, broker=broker, log=self.log)
        gate.on_flatten(self._cancel, reminded=True)
        self._trader.report_leftovers()
        self.start_gate()

    # --- what it does, by the names of the schedule ---------------------------------------------------------

    def enter(self, side: Side, size: int) -> None:
        """In, or out where it is in already."""
        self._bar(Enter(side, size) if self.held() is None else Exit("told to"))

    def exit(self) -> None:
        self._bar(Exit("told to") if self.held() is not None else None)

    def mark(self) -> None:
        self._bar(None)

    def enter_in_part(self, side: Side, size: int) -> None:
        """An order for more than is filled at once; the rest works on."""
        self._order(side, filled=1, working=size)

    def order_and_wait(self, side: Side, size: int) -> None:
        """An order none of which is filled at once; its slot is held until it is."""
        self._order(side, filled=0, working=size)

    def fill(self) -> None:
        """What was working is filled, maybe long after its slot has expired."""
        with self.gate.orders:
            filled = self._account.fill_working(self.name)
            if filled is not None:
                self._report(filled)

    def cancel(self) -> None:
        if self._account.working.pop(self.name, None) is not None:
            self.gate.withdraw(self.symbol, "cancelled")

    def abandon(self, side: Side, size: int) -> None:
        """Asks, and then does nothing about the answer."""
        self.gate.request_entry(self.symbol, side, size)

    def ask_elsewhere(self, symbol: str, side: Side, size: int) -> None:
        """Asks for another symbol than its own, and then does nothing about the answer."""
        self.gate.request_entry(symbol, side, size)

    def move_stop(self, ticks: int) -> None:
        """Says that the stop of what it holds is so many ticks above the price, or below it."""
        held, contract = self.held(), self._account.contracts[self.symbol]
        if held is not None:
            price = self._account.prices[self.symbol] + ticks * contract.tick_size
            self.gate.stop_moved(self.symbol, held.side, price=price)

    def fill_unasked(self, side: Side, size: int) -> None:
        with self.gate.orders, contextlib.suppress(BrokerError):
            self._report(self._account.open(self.name, self.symbol, side, size))

    def close_again(self) -> None:
        """A close of what it does not hold, or not any more."""
        if self.held() is None:
            price = self._account.prices[self.symbol]
            self.gate.position_closed(self.symbol, "long", price=price, pnl=-5, commission=0, reason="again")

    def misreport(self, side: Side, size: int) -> None:  # noqa: ARG002 - of whatever it holds
        """A close with a profit that the prices do not show."""
        held = self.held()
        if held is None:
            return
        with self.gate.orders:
            fill = self._account.close(self.name, held.symbol, held.side, held.size)
            self.gate.position_closed(
                fill.symbol,
                fill.side,
                fill.size,
                price=fill.price,
                pnl=Decimal(5000),
                commission=Decimal(0),
                fill=fill.fill_id,
                recorded=lambda: self._broker.confirm_reported(fill.fill_id),
            )

    def report_twice(self) -> None:
        """Fills and reports an exit, and after a while says the same fill again."""
        if self.held() is None:
            return
        self.exit()
        if self.held() is None:
            fill = self._account.last_exit[self.name]
            self.gate.position_closed(
                fill.symbol,
                fill.side,
                fill.size,
                price=self._account.prices[self.symbol],
                pnl=0,
                commission=0,
                fill=fill.fill_id,
            )

    def quit(self) -> None:
        """Ends in good order."""
        self.gate.close("told to stop")
        self.die()

    # --- inside ---------------------------------------------------------------------------------------------

    def held(self) -> BrokerPosition | None:
        """What it really holds."""
        return self._account.held.get((self.name, self.symbol))

    def _bar(self, intent: Intent) -> None:
        price = self._account.prices[self.symbol]
        self._told.intent = intent
        ends = _SOME_TIME + timedelta(seconds=self.world.scheduler.now // 1000)
        self._trader.on_bar(Bar(self.symbol, ends, price, price, price, price))

    def _order(self, side: Side, filled: int, working: int) -> None:
        if self.held() is not None or self.name in self._account.working:
            return
        decision = self.gate.request_entry(self.symbol, side, filled + working, hold=filled == 0)
        if not decision:
            return
        with self.gate.orders:
            if not self.gate.standing(decision) or self.held() is not None:
                self.gate.withdraw(self.symbol, "dropped")
                return
            self._account.working[self.name] = Working(self.symbol, side, working)
            if filled:
                self._report(self._account.open(self.name, self.symbol, side, filled))

    def _report(self, fill: Fill) -> None:
        self.gate.position_opened(fill.symbol, fill.side, fill.size, price=fill.price, fill=fill.fill_id)

    def _cancel(self, order: FlattenOrder) -> None:  # noqa: ARG002 - whatever is ordered
        """Cancels what is working; sometimes too late."""
        if self.random.random() < 0.5:
            self._account.working.pop(self.name, None)


class SignalSeat(WorkerSeat):
    """Whoever sits here trades by signals: all that its broker tells is that an order was taken."""

    def enter_in_part(self, side: Side, size: int) -> None:
        self.enter(side, size)

    def order_and_wait(self, side: Side, size: int) -> None:
        self.enter(side, size)

    def fill(self) -> None:
        self.mark()

    def cancel(self) -> None:
        self.mark()

    def fill_unasked(self, side: Side, size: int) -> None:
        self.enter(side, size)

    def close_again(self) -> None:
        self.exit()

    def misreport(self, side: Side, size: int) -> None:  # noqa: ARG002 - nothing to report wrongly
        self.exit()

    def report_twice(self) -> None:
        self.exit()

    def held(self) -> BrokerPosition | None:
        """What it believes it holds."""
        return next((one for one in self._broker.positions(self.name) if one.symbol == self.symbol), None)


class WatchedFlattener(flattener.Flattener):
    """A flattener that is seen to try each exit, whatever becomes of the others."""

    def _close_all(
        self, held: Iterable[BrokerPosition], closed: set[tuple[str, str]], cause: str
    ) -> list[Exception]:
        wanted = list(held)
        self._tried: set[tuple[str, str]] = set()
        failed = super()._close_all(wanted, closed, cause)
        self._look_at(wanted)
        return failed

    def close_leg(self, held: BrokerPosition, cause: str) -> None:
        self._tried.add((held.owner, held.symbol))
        super().close_leg(held, cause)

    def _look_at(self, wanted: list[BrokerPosition]) -> None:
        for one in wanted:
            if (one.owner, one.symbol) not in self._tried:
                raise Violation("an exit that fails keeps no other from being tried", f"{one}")


class FlattenerSeat(GateSeat):
    """Whoever sits here closes what the dead left open."""

    def open(self, process: Process, wire: Wire) -> None:
        # Without the bus it cannot tell who is dead, as in production.
        self.settings = structs.replace(self.settings, on_bus_loss="hold")
        gate = self.make_gate(process, wire, (), hears=flattener.hears)
        closer = WatchedFlattener(
            gate=gate,
            bus=wire,
            broker=self.world.brokers.open(process, self.name, self.log),
            contracts=self.world.account.contracts,
            within=flattener.Within(self.settings.worker_lost_seconds),
            log=self.log,
            clock=process,
        )
        self.start_gate()

        def look_again() -> float:
            closer.look_again()
            return self.settings.heartbeat_seconds

        self.stepper(look_again, 0).begin()
