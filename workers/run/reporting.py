"""From a broker's fills to the reports on the log: the one place where they become events, each its own."""

from decimal import Decimal
from functools import partial
from typing import NamedTuple

from portfold.config import Contract
from portfold.coordinator.views.words.of_trades import closed_line, opened_line
from portfold.events.fields import Side
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import Broker
from portfold.workers.brokers.resting.protective import REASON, StopPlace, is_protective
from portfold.workers.client.decision import Decision
from portfold.workers.run.gate_protocol import Gate


class Told(NamedTuple):
    """All fills of an order together, as its worker's log tells them."""

    symbol: str
    side: str
    size: int
    price: Decimal
    worker: str
    pnl: Decimal = Decimal(0)
    reason: str = ""


def entry_line(outcome: OrderOutcome[Fill], worker: str) -> str:
    """Tells what an entry got, in the one line of a trade."""
    first = outcome.fills[0]
    return opened_line(Told(first.symbol, first.side, outcome.size, outcome.price, worker))


def exit_line(outcome: OrderOutcome[ExitFill], contract: Contract, worker: str, reason: str) -> str:
    """Tells what an exit closed and made, likewise."""
    first = outcome.fills[0]
    made = sum((_made(fill, contract) for fill in outcome.fills), Decimal(0))
    return closed_line(Told(first.symbol, first.side, outcome.size, outcome.price, worker, made, reason))


def denial_line(symbol: str, side: str, size: int, denial: Decision, worker: str) -> str:
    """Tells that an entry was denied, and why, in the words of its alert."""
    return f"Entry denied: {symbol} {side} {size} | {denial.code} | {denial.reason} | {worker}"


def _made(fill: ExitFill, contract: Contract) -> Decimal:
    point, cost = contract.point_value, fill.total_commission
    return net_pnl(fill.side, fill.entry_price, fill.price, fill.size, point, cost)


def report_entry(
    gate: Gate,
    outcome: OrderOutcome[Fill],
    expected: Decimal | None = None,
    place: StopPlace | None = None,
) -> None:
    """Reports each fill of an entry, and gives back the slot of what the order did not get and never will.

    A stop whose `place` depends on the fill moves with it: where it is not where it were with a fill at the
    price that was `expected`, it is said where.
    """
    for fill in outcome.fills:
        gate.position_opened(fill.symbol, fill.side, fill.size, price=fill.price, fill=fill.fill_id)
    filled = outcome.fills[0]
    if place is not None and expected is not None:
        moved = _moved_to(place, filled.side, expected, outcome.price)
        if moved is not None:
            gate.stop_moved(filled.symbol, filled.side, price=moved)
    if outcome.rest:
        gate.withdraw(
            outcome.fills[0].symbol, f"{outcome.state}: {outcome.rest} of {outcome.ordered} not filled"
        )


def _moved_to(place: StopPlace, side: Side, expected: Decimal, paid: Decimal) -> Decimal | None:
    """Returns where the stop rests, if that is not where it was planned; None for one that the market is
    beyond already: it closes at once, and the log takes none on that side.
    """
    rests = place.expected(side, paid)
    if rests is None or rests == place.expected(side, expected):
        return None
    return rests if (rests < paid if side == "long" else rests > paid) else None


def report_exit(gate: Gate, broker: Broker, contract: Contract, fill: ExitFill, reason: str) -> None:
    """Reports the close; once it is on the log, it is confirmed to the broker. What a protective stop closed
    has that for its reason.

    While the report waits in the gate's outbox the journal keeps the fill: should this process die, whoever
    comes next reports it, and the fold knows it by its name if both get through.
    """
    gate.position_closed(
        fill.symbol,
        fill.side,
        fill.size,
        price=fill.price,
        pnl=_made(fill, contract),
        commission=fill.total_commission,
        reason=REASON if is_protective(fill.fill_id) else reason,
        owner="" if fill.owner == gate.worker else fill.owner,
        fill=fill.fill_id,
        recorded=partial(broker.confirm_reported, fill.fill_id),
    )
