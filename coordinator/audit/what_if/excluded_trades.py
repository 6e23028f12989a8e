"""What the recorded book holds and the other book does not: contracts that would not be there.

A trade is excluded where its entry turns to denied, where a stop takes its grant back before it is
filled, or where a stop ends it early. From then on every event about those contracts is about something
that is not there, until the recorded book has closed them. Only what is open is remembered, and a bounded
number of entries that may still fill.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from portfold.coordinator.audit.what_if.findings import TradeEnded, TradeGone
from portfold.coordinator.fold.state import Position, Side, State, leg_key
from portfold.dollars import CENT, EXACT, ZERO

ENTRIES_EXPECTED = 1024


class TakenContracts(NamedTuple):
    """What of a close concerns excluded contracts: how many, their P&L, and the trades it ends."""

    contracts: int
    pnl: Decimal
    trades: list[TradeGone | TradeEnded]


class _Expected(Struct):
    """An entry allowed on the log and not here: `left` contracts of it may still fill."""

    request: str
    why: str
    stop: str
    left: int


class _Lot(Struct):
    """Excluded contracts of one leg that share their fate; `left` of them are open in the recorded book.

    `ended` is the event of the stop that ended them, if one did, and `pnl_at_stop` their last mark then.
    """

    worker: str
    symbol: str
    side: str
    opened: str
    contracts: int
    left: int
    request: str = ""
    why: str = ""
    stop: str = ""
    ended: str = ""
    pnl_at_stop: Decimal | None = None
    pnl: Decimal = ZERO


class ExcludedTrades:
    """The excluded contracts, by leg, in the order in which they went."""

    def __init__(self) -> None:
        self._lots: dict[str, list[_Lot]] = {}
        self._expected: dict[str, _Expected] = {}

    def contracts(self, key: str) -> int:
        """Returns how many contracts of the leg `key` are excluded."""
        return sum(lot.left for lot in self._lots[key]) if key in self._lots else 0

    # --- entries that may still fill -------------------------------------------------------------------

    def expect(self, key: str, request: str, size: int, why: str, stop: str = "") -> None:
        """Excludes what still fills of the `request`; `stop` took it back. Forgets the oldest of too many."""
        if len(self._expected) >= ENTRIES_EXPECTED:
            del self._expected[next(iter(self._expected))]
        self._expected[key] = _Expected(request, why, stop, size)

    def expect_no_more(self, keys: Iterable[str]) -> None:
        """Expects no more fills on these legs: one that comes was never asked for."""
        for key in keys:
            self._expected.pop(key, None)

    def opened(self, worker: str, symbol: str, side: Side, size: int, at: str) -> int:
        """Takes a fill of the recorded book at the event `at`; returns how many of it are excluded."""
        key = leg_key(symbol, side, worker)
        expected = self._expected.get(key)
        if expected is None:
            return 0
        filled = min(size, expected.left)
        expected.left -= filled
        if expected.left == 0:
            del self._expected[key]
        lots = self._lots.setdefault(key, [])
        if lots and lots[-1].request == expected.request:
            lots[-1].contracts += filled
            lots[-1].left += filled
        else:
            lot = _Lot(worker, symbol, side, at, filled, filled)
            lot.request, lot.why, lot.stop = expected.request, expected.why, expected.stop
            lots.append(lot)
        return filled

    # --- contracts that are open ------------------------------------------------------------------------

    def end(self, key: str, held: Position, at: str, why: str) -> None:
        """Ends what is `held` here by a stop of the rule `why` at the event `at`, which is not on the log."""
        self._lots.setdefault(key, []).append(
            _Lot(
                held.worker,
                held.symbol,
                held.side,
                held.opened,
                held.size,
                held.size,
                why=why,
                ended=at,
                pnl_at_stop=None if held.mark is None else held.unrealized,
            )
        )

    def closed(self, key: str, size: int, pnl: Decimal, at: str) -> TakenContracts:
        """Takes a close of `size` contracts of the leg for `pnl`: the excluded ones go first."""
        lots = self._lots.get(key, [])
        trades: list[TradeGone | TradeEnded] = []
        open_now, pnl_left = size, pnl
        while lots and open_now:
            lot = lots[0]
            part = min(lot.left, open_now)
            made = share(pnl_left, part, open_now)
            lot.left -= part
            lot.pnl += made
            open_now -= part
            pnl_left -= made
            if lot.left == 0:
                trades.append(_trade(lots.pop(0), closed=at))
        if not lots:
            self._lots.pop(key, None)
        return TakenContracts(size - open_now, pnl - pnl_left, trades)

    def book(self, key: str, pnl: Decimal) -> None:
        """Books `pnl` for the leg's contracts without closing any."""
        self._lots[key][0].pnl += pnl

    def still_open(self, recorded: State) -> list[TradeGone | TradeEnded]:
        """Returns the trades that the recorded book has not closed when the log ends, at their marks then."""
        trades: list[TradeGone | TradeEnded] = []
        for key, lots in self._lots.items():
            held = recorded.positions.get(key)
            for lot in lots:
                open_pnl = share(held.unrealized, lot.left, held.size) if held is not None else ZERO
                trades.append(_trade(lot, open_pnl=open_pnl))
        return trades


def share(amount: Decimal, part: int, whole: int) -> Decimal:
    """Returns the part of an amount, to the cent unless it is all of it."""
    return (
        amount if part == whole else EXACT.quantize(EXACT.divide(EXACT.multiply(amount, part), whole), CENT)
    )


def _trade(lot: _Lot, *, closed: str = "", open_pnl: Decimal = ZERO) -> TradeGone | TradeEnded:
    if lot.ended:
        return TradeEnded(
            worker=lot.worker,
            symbol=lot.symbol,
            side=lot.side,
            contracts=lot.contracts,
            opened=lot.opened,
            ended=lot.ended,
            closed=closed,
            pnl_at_stop=lot.pnl_at_stop,
            pnl=lot.pnl,
            open_pnl=open_pnl,
            why=lot.why,
        )
    return TradeGone(
        request=lot.request,
        worker=lot.worker,
        symbol=lot.symbol,
        side=lot.side,
        contracts=lot.contracts,
        opened=lot.opened,
        closed=closed,
        why=lot.why,
        stop=lot.stop,
        pnl=lot.pnl,
        open_pnl=open_pnl,
    )
