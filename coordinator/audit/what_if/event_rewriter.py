"""Rewrites recorded events for the other book, in which some of the recorded trades are excluded.

A fill, a mark, a close, a holding or a settlement loses the excluded contracts, and is left out where it is
about nothing else. Where one leg holds excluded contracts and others, P&L is shared by contracts, and a close
takes the excluded ones first. Guarantees: while nothing is excluded, every event stays as it is in the log.
"""

from decimal import Decimal

from msgspec import structs

from portfold.coordinator.audit.what_if.account_rewriter import report_for
from portfold.coordinator.audit.what_if.baseline import Met, counted_pnl
from portfold.coordinator.audit.what_if.excluded_trades import ExcludedTrades, share
from portfold.coordinator.audit.what_if.findings import TradeEnded, TradeGone
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.fold.state import FILLS_REMEMBERED, State, has_slot, leg_key, leg_of
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT, AccountReported
from portfold.events.incoming import (
    ClockTicked,
    EntryRenewed,
    EntryWithdrawn,
    Event,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    StopMoved,
    WorkerStarted,
)
from portfold.events.legs import Holding, holdings_text, parse_holdings
from portfold.events.limits_changed import LimitsChanged
from portfold.events.message import WorkerEvent

_NO_SYMBOL = ""


class EventRewriter:
    """Rewrites the events one after the other for a book whose state is `state`.

    `trades` are the excluded ones that the last event has closed.
    """

    def __init__(self, overrides: Overrides, excluded: ExcludedTrades, state: State) -> None:
        self.trades: list[TradeGone | TradeEnded] = []
        self._overrides = overrides
        self._excluded = excluded
        self._state = state
        self._left_out_fills: dict[str, None] = {}

    def rewritten(self, met: Met) -> Event | Malformed:
        """Returns the event for the other book."""
        self.trades = []
        match met.event:
            case LimitsChanged() as event:
                return self._overrides.on(event)
            case PositionOpened() as event:
                return self._opened(met, event)
            case PositionClosed() as event:
                return self._closed(met, event)
            case PositionMarked() as event:
                return self._marked(event)
            case EntryRenewed() as event:
                return self._renewed(met, event)
            case StopMoved() as event:
                return self._stop_moved(met, event)
            case WorkerStarted() as event:
                return self._started(met, event)
            case PositionSettled() as event:
                return self._settled(met, event)
            case AccountReported() as event:
                return event if met.rejected else report_for(self._state, met, event)
        return met.event

    # --- fills ------------------------------------------------------------------------------------------

    def _opened(self, met: Met, event: PositionOpened) -> Event:
        grown = met.grown(leg_of(event))
        if grown == 0:
            left_out = event.fill in self._left_out_fills or self._would_find_room(met)
            return _nothing(event) if met.rejected and left_out else event
        excluded = self._excluded.opened(event.worker, event.symbol, event.side, grown, str(met.at))
        if excluded == 0:
            return event
        if excluded == event.size:
            return self._leave_out(event)
        return structs.replace(event, size=event.size - excluded)

    def _closed(self, met: Met, event: PositionClosed) -> Event:
        key = leg_of(event)
        shrunk = -met.grown(key)
        if shrunk and event.holder == ACCOUNT and key not in self._state.positions:
            return self._leave_out(event)  # the account's own joins a book only where all is flattened
        if shrunk == 0:
            unheard_of = met.second_close and key not in self._state.day.closed
            left_out = event.fill in self._left_out_fills or unheard_of
            return _nothing(event) if met.rejected and left_out else event
        taken = self._excluded.closed(key, shrunk, counted_pnl(event, met.decisions), str(met.at))
        self.trades = taken.trades
        if taken.contracts == 0:
            return event
        left = event.size - taken.contracts
        if left == 0 or key not in self._state.positions:
            return self._leave_out(event)
        return structs.replace(
            event,
            size=left,
            pnl=share(event.pnl, left, event.size),
            commission=share(event.commission, left, event.size),
        )

    def _leave_out(self, event: PositionOpened | PositionClosed) -> Event:
        """Leaves a fill out, and remembers its name: a second report of it is left out too."""
        if event.fill:
            if len(self._left_out_fills) >= FILLS_REMEMBERED:
                del self._left_out_fills[next(iter(self._left_out_fills))]
            self._left_out_fills[event.fill] = None
        return _nothing(event)

    def _would_find_room(self, met: Met) -> bool:
        """Returns whether the other book has fewer positions, so room where the recorded one had none."""
        return len(self._state.positions) < len(met.state.positions)

    # --- slots ------------------------------------------------------------------------------------------

    def _renewed(self, met: Met, event: EntryRenewed) -> Event:
        """Leaves out the renewal of a slot that the other book never granted."""
        kept, keeps = (has_slot(book, event.symbol, event.worker) for book in (met.state, self._state))
        return _nothing(event) if kept and not keeps and not met.rejected else event

    def _stop_moved(self, met: Met, event: StopMoved) -> Event:
        """Leaves out the stop of a leg that the other book never had."""
        key = leg_key(event.symbol, event.side, event.worker)
        here, there = key in met.state.positions, key in self._state.positions
        return _nothing(event) if here and not there and not met.rejected else event

    # --- marks ------------------------------------------------------------------------------------------

    def _marked(self, event: PositionMarked) -> Event:
        key = leg_of(event)
        excluded, held = self._excluded.contracts(key), self._state.positions.get(key)
        if excluded == 0:
            return event
        if held is None:
            return _nothing(event)
        return structs.replace(event, unrealized=share(event.unrealized, held.size, held.size + excluded))

    # --- what brokers and operators say is held -----------------------------------------------------------

    def _started(self, met: Met, event: WorkerStarted) -> Event:
        """Excludes holdings that the log did not know, as far as excluded entries were still to fill."""
        held: dict[str, Holding] = {}
        for holding in parse_holdings(event.positions):
            key = leg_key(holding.symbol, holding.side, event.worker)
            other_lots = held[key].size if key in held else 0
            held[key] = holding._replace(size=holding.size + other_lots)
        for key, holding in held.items():
            if (grown := met.grown(key)) > 0:
                self._excluded.opened(event.worker, holding.symbol, holding.side, grown, str(met.at))
        excluded = {key: self._excluded.contracts(key) for key in held}
        if not any(excluded.values()):
            return event
        left = [
            one._replace(size=one.size - excluded[key])
            for key, one in held.items()
            if one.size > excluded[key]
        ]
        return structs.replace(event, positions=holdings_text(left))

    def _settled(self, met: Met, event: PositionSettled) -> Event:
        """Settles at what is really held, less what is excluded of it."""
        key = leg_of(event)
        grown, excluded = met.grown(key), self._excluded.contracts(key)
        if grown > 0:
            self._excluded.opened(event.worker, event.symbol, event.side, grown, str(met.at))
        if excluded == self._excluded.contracts(key) == 0:
            return event
        if met.rejected:
            return ClockTicked()
        pnl = self._pnl_settled(met, key, event.pnl, shrunk=-grown)
        size = max(0, event.size - self._excluded.contracts(key))
        return structs.replace(event, size=size, pnl=pnl)

    def _pnl_settled(self, met: Met, key: str, pnl: Decimal, *, shrunk: int) -> Decimal:
        """Returns a settlement's P&L without that of excluded contracts."""
        if shrunk > 0:
            taken = self._excluded.closed(key, shrunk, pnl, str(met.at))
            self.trades = taken.trades
            return pnl - taken.pnl
        if key in self._state.positions:
            return pnl
        self._excluded.book(key, pnl)
        return ZERO


def _nothing(event: WorkerEvent) -> Event:
    """Replaces an event that is left out: its number is used up, so a repeat is recognized."""
    return EntryWithdrawn(event.worker, event.session, event.seq, _NO_SYMBOL)
