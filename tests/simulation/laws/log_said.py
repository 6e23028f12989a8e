"""What the log said after an event, and on which subjects an account's report differs from that."""

from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State, reported_pnl
from portfold.dollars import ZERO
from portfold.events.account import EQUITY, AccountReported
from portfold.events.legs import parse_holdings
from tests.simulation.laws.to_be_flat import net_of


class Leg(NamedTuple):
    symbol: str
    signed: int
    price: Decimal
    worker: str


class Log(NamedTuple):
    """What the log said after an event: its legs, what it has realized and has open, and the day's P&L."""

    legs: tuple[Leg, ...]
    realized: Decimal
    unrealized: Decimal
    pnl: Decimal

    def net(self) -> dict[str, int]:
        net: dict[str, int] = {}
        for leg in self.legs:
            net[leg.symbol] = net.get(leg.symbol, 0) + leg.signed
        return {symbol: size for symbol, size in net.items() if size}


NOTHING = Log((), ZERO, ZERO, ZERO)
"""Before the first event."""


def log_of(state: State) -> Log:
    held = state.positions.values()
    return Log(
        tuple(
            Leg(one.symbol, one.size if one.side == "long" else -one.size, one.price, one.worker)
            for one in held
        ),
        state.net,
        sum((one.unrealized for one in held), ZERO),
        reported_pnl(state),
    )


def differing_in(report: AccountReported, log: Log, base: Decimal, limits: Limits) -> set[str]:
    here, there = log.net(), net_of(report)
    found = {symbol for symbol in here.keys() | there.keys() if here.get(symbol) != there.get(symbol)}
    found |= {
        one.symbol
        for one in parse_holdings(report.positions)
        if _paid_otherwise(one.symbol, one.price, log, limits)
    } - found
    moved = report.equity - report.unrealized - log.realized - base
    return found | {EQUITY} if abs(moved) > limits.account_tolerance else found


def _paid_otherwise(symbol: str, price: Decimal, log: Log, limits: Limits) -> bool:
    """Whether it was paid otherwise than the log has it; it cannot say where it holds both sides."""
    legs = [leg for leg in log.legs if leg.symbol == symbol]
    if not price or len({leg.signed > 0 for leg in legs}) != 1:
        return False
    paid = sum((leg.price * leg.signed for leg in legs), ZERO)
    here = paid / sum(leg.signed for leg in legs)
    size = abs(sum(leg.signed for leg in legs))
    return abs(here - price) * size * limits.point_values[symbol] > limits.account_tolerance
