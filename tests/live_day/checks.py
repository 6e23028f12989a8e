"""What must hold at the end of a day, whatever went wrong; each check returns sentences for what does not.

The account is the fake broker's own ledger, which no code of ours has a hand in.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from portfold.config import Contract
from portfold.events.market import Step, StepBar
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from tests.fakes.tws.orders import Execution, Order
from tests.live_day.venue import Minute


def read_orders(book: Path) -> list[LiveOrder]:
    """All orders in the book, oldest first."""
    connection = sqlite3.connect(book, timeout=10)
    try:
        rows = connection.execute("SELECT record FROM live_orders ORDER BY rowid").fetchall()
    finally:
        connection.close()
    return [msgspec.json.decode(record, type=LiveOrder) for (record,) in rows]


def sent_once(orders: Sequence[Order], booked: Iterable[LiveOrder]) -> list[str]:
    """Every order at the broker has a reference of its own, which stands in the book, with what it got."""
    times = Counter(order.reference for order in orders)
    known = {order.reference: order for order in booked}
    wrong = [f"order {reference!r} came {n} times" for reference, n in times.items() if n > 1]
    for order in orders:
        ours = known.get(order.reference)
        if ours is None:
            wrong.append(f"{order} is at the broker, and not in the book")
        elif (ours.life.filled, ours.is_settled) != (order.filled, True):
            wrong.append(f"{order} got {order.filled}; the book has {ours.life.filled}, {ours.life.state}")
    got = {reference for reference, order in known.items() if order.life.filled}
    return wrong + [
        f"{known[each]} is filled in the book, and not at the broker" for each in got - times.keys()
    ]


def within_the_limits(executions: Iterable[Execution], *, positions: int, contracts: int) -> list[str]:
    """At no moment was more in the account than may be, and no exit opened anything."""
    held: Counter[str] = Counter()
    wrong = []
    for each in executions:
        name, before = each.order.contract.local_symbol, held[each.order.contract.local_symbol]
        held[name] += each.size if each.order.buys else -each.size
        if before * held[name] < 0:
            wrong.append(f"{each.order} turned {before} {name} into {held[name]}")
        many, much = sum(map(bool, held.values())), sum(map(abs, held.values()))
        if many > positions or much > contracts:
            wrong.append(f"after {each.order} {many} positions and {much} contracts were held: {dict(held)}")
    return wrong


def none_without_leave(orders: Iterable[LiveOrder], allowed: int) -> list[str]:
    """No more entries went out than were allowed."""
    entries = sum(order.does == "enter" and order.life.filled > 0 for order in orders)
    return [f"{entries} entries were filled, and {allowed} allowed"] if entries > allowed else []


def money_of(orders: Iterable[LiveOrder], contracts: Mapping[str, Contract]) -> Decimal:
    """What the book's orders come to, once all is closed, net of the commissions it has booked."""
    made = Decimal(0)
    for order in orders:
        point = contracts[order.symbol].point_value
        for name, each in order.life.executions.items():
            paid = each.price * each.size * point
            made += (-paid if order.buys else paid) - order.booked.get(name, Decimal(0))
    return made


def same_money(**made: Decimal) -> list[str]:
    """All have made the same, to the cent."""
    if len({round(dollars, 2) for dollars in made.values()}) == 1:
        return []
    return [", ".join(f"{who} made {dollars:,.2f}" for who, dollars in made.items())]


def bars_are_the_markets(steps: Sequence[Step], truth: Sequence[Minute]) -> list[str]:
    """Every minute is there, once, in order, as it was traded, but for the very first, whose beginning nobody
    may have heard; a gap is told.
    """
    times = [step.time_ms for step in steps]
    wrong = (
        []
        if times == sorted(set(times))
        else [f"the minutes on the bus are not one after the other: {times}"]
    )
    if truth and (not times or times[0] > truth[:2][-1].end_ms):
        begins = f"begin at {times[0]}" if times else "are none"
        wrong.append(f"the minutes on the bus {begins}, and the market's began at {truth[0].end_ms}")
    there = {step.time_ms: step for step in steps}
    for minute in truth:
        step = there.get(minute.end_ms)
        if minute.withheld:
            told = [each for each in steps if each.time_ms > minute.end_ms]
            if step is not None and step.bars:
                wrong.append(f"minute {minute.end_ms} was never sent, and has bars")
            if any(each.known_since_ms < minute.end_ms for each in told):
                wrong.append(f"minute {minute.end_ms} was never sent, and is not told as a gap")
        elif times and minute.end_ms >= times[0]:
            if step is None:
                wrong.append(f"minute {minute.end_ms} is not on the bus")
            elif dict(step.bars) != minute.bars:
                wrong.append(f"minute {minute.end_ms} is {_other(step.bars, minute.bars)}")
    return wrong


def _other(found: Mapping[str, StepBar], true: Mapping[str, StepBar]) -> str:
    differ = [symbol for symbol in true if found.get(symbol) != true[symbol]]
    return (
        "; ".join(f"{each} {found.get(each)} and was {true[each]}" for each in differ[:2])
        or "of more symbols"
    )
