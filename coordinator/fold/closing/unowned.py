"""What the account holds and nobody on the log owns: once everything is to be flattened, it joins the book.

Under the name `account`, which no worker has, so that it is the flattener's to close. Never more than the
account holds, and never its other side: closing it cannot open anything. Nor by a report from before the last
fill or close: what it shows may be closed by now, and what was taken over by it would be a second time.
"""

from collections.abc import Sequence

from portfold.coordinator.fold.account_state import Account, Difference
from portfold.coordinator.fold.scopes import covers
from portfold.coordinator.fold.state import POSITIONS_HELD, Position, Side, State, leg_key
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT
from portfold.events.decisions import PositionMismatch
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId

_LASTS_SINCE = 9
"""Before, whatever the account held beyond the log was taken, once the symbol differed for long enough."""
_TAKEN_AT_ONCE = 16
"""Of an event's room for a hundred decisions."""


def take_unowned(state: State, at: StreamId, scopes: Sequence[Scope] | None = None) -> list[PositionMismatch]:
    """Puts into the book what has differed for longer than the grace and is more than the log holds.

    Where only scopes are to be flat, what is in one: contracts that nobody owns are in no worker's.
    """
    account = state.account
    if account is None or account.as_of_ms <= account.moved_ms:
        return []
    decisions: list[PositionMismatch] = []
    for symbol in sorted(account.positions):
        if scopes is not None and not any(covers(one, state.limits, symbol, ACCOUNT) for one in scopes):
            continue
        size = unowned(state, account, symbol)
        if size and len(decisions) < _TAKEN_AT_ONCE and len(state.positions) < POSITIONS_HELD:
            decisions.append(_take(state, account, symbol, size, at))
    if decisions:
        account.moved_ms = at.ms
    return decisions


def unowned(state: State, account: Account, symbol: str) -> int:
    """Returns the signed contracts of a standing difference that only the account has; 0 for none.

    That is what it holds beyond all legs of that side, whatever the log holds on the other: a leg there that
    was never filled would make others' contracts seem nobody's. What came on top of the difference, or turned
    it round, has to outlast the grace as well: a fill may be on its way in a symbol that differs already. So
    may that of a slot whose worker is there: it closes itself what it got. Once it is gone, its slot is kept.
    """
    difference = account.differences.get(symbol)
    there = account.positions.get(symbol, 0)
    if difference is None or not difference.stands or not there or not _lasts(state, account, difference):
        return 0
    side: Side = "long" if there > 0 else "short"
    here = sum(held.size for held in state.positions.values() if (held.symbol, held.side) == (symbol, side))
    if state.fold_version >= _LASTS_SINCE:
        slots = (slot for slot in state.reservations.values() if (slot.symbol, slot.side) == (symbol, side))
        here += sum(slot.size for slot in slots if not slot.kept)
    size = max(0, abs(there) - here)
    return size if there > 0 else -size


def _lasts(state: State, account: Account, difference: Difference) -> bool:
    if state.limits is None or state.fold_version < _LASTS_SINCE:
        return True
    return account.as_of_ms - difference.apart_ms >= state.limits.account_grace_ms


def _take(state: State, account: Account, symbol: str, size: int, at: StreamId) -> PositionMismatch:
    side: Side = "long" if size > 0 else "short"
    # One taken before may still be there: what differs now comes on top of it.
    key = leg_key(symbol, side, ACCOUNT)
    before = state.positions.get(key)
    state.positions[key] = Position(
        symbol=symbol,
        side=side,
        size=abs(size) + (before.size if before else 0),
        price=account.prices.get(symbol, ZERO),
        worker=ACCOUNT,
        opened=str(at),
        opened_ms=at.ms,
        marked_ms=at.ms,
    )
    return PositionMismatch(
        worker=ACCOUNT,
        symbol=symbol,
        side=side,
        kind="unknown_to_us",
        log_size=0,
        broker_size=abs(size),
        reason=f"account {account.account} holds it, nobody on the log owns it: the flattener closes it",
    )
