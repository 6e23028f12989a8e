"""Rewrites the account's reports for the other book: what it had beside the log, it has there too.

The account traded the recorded book. Compared with the other one, each trade that is gone would look like a
difference. So a report is moved by what the two books differ in, positions and dollars. Guarantees: what the
account holds and the recorded book does not, it holds beside the other one, no more and no less; what it
lacks of a trade that is gone, nobody misses there; while the two are alike, a report stays as on the log.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import structs

from portfold.coordinator.audit.what_if.baseline import Met
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT, AccountReported
from portfold.events.legs import Holding, holdings_text, parse_holdings


def report_for(other: State, met: Met, event: AccountReported) -> AccountReported:
    """Returns the report as the account would have made it, had it traded the book `other`."""
    here, there = _net(_legs_of(other)), _net(met.sizes)
    open_profit = _open(other) - _open(met.state)
    made = other.net - met.state.net + open_profit
    if here == there and not made and not open_profit:
        return event
    return structs.replace(
        event,
        equity=event.equity + made,
        unrealized=event.unrealized + open_profit,
        positions=holdings_text(_held(event, here, there, other)),
    )


def _legs_of(state: State) -> dict[str, int]:
    return {key: held.size for key, held in state.positions.items()}


def _net(legs: Mapping[str, int]) -> dict[str, int]:
    """Returns by symbol how many contracts the workers hold, signed.

    What nobody on the log owns, the account holds whatever the limits: it is not among them.
    """
    net: dict[str, int] = {}
    for key, size in legs.items():
        symbol, side, worker = key.split(":")
        if worker != ACCOUNT:
            net[symbol] = net.get(symbol, 0) + _signed(side, size)
    return {symbol: size for symbol, size in net.items() if size}


def _held(
    event: AccountReported, here: Mapping[str, int], there: Mapping[str, int], other: State
) -> Iterable[Holding]:
    held = {one.symbol: one for one in parse_holdings(event.positions)}
    prices = {one.symbol: one.price for one in other.positions.values()}
    for symbol in sorted(held.keys() | here.keys() | there.keys()):
        before = held.get(symbol)
        reported = _signed(before.side, before.size) if before else 0
        size = moved(reported, there.get(symbol, 0), here.get(symbol, 0))
        price = before.price if before else prices.get(symbol, ZERO)
        if size:
            yield Holding(symbol, "long" if size > 0 else "short", abs(size), price)


def moved(reported: int, recorded: int, other: int) -> int:
    """Returns what the account would hold beside the other book's contracts, all of them signed.

    What it holds beyond the recorded ones comes on top; what it lacks of them, it lacks of the other ones, as
    far as these go.
    """
    beyond = reported - recorded
    unowned = 0
    if reported and (beyond > 0) == (reported > 0):
        unowned = min(beyond, reported, key=abs)
    missing = beyond - unowned
    lacking = min(abs(missing), abs(other)) if (other > 0) == (recorded > 0) else 0
    return other + (lacking if missing > 0 else -lacking) + unowned


def _signed(side: str, size: int) -> int:
    return size if side == "long" else -size


def _open(state: State) -> Decimal:
    return sum((held.unrealized for held in state.positions.values()), ZERO)
