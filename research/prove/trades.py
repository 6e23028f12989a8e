"""The firm's rule over trades: they go through the simulator under the profile's limits, the judge beside it.

The judge sees the account at the end of each moment, as several trades are marked or end at one. Between two
bars it sees nothing, and without bars only what is closed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from portfold.config import Contract
from portfold.config.profiles import FirmsRule
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.decisions import Decision
from portfold.events.incoming import Event, PositionClosed, PositionMarked
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.research.prove.judge import Judge
from portfold.research.prove.playing import Found, How, is_stop
from portfold.research.prove.shrinking import fewest
from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.sessions import KnownSessions
from portfold.research.simulate.simulator import simulate
from portfold.research.simulate.trade_events import STOPPED_BEFORE_ITS_EXIT, drawings
from portfold.research.trades.trade_file import Trade

MOST_TRIES = 200


class Trading(NamedTuple):
    """What trades are played on: their prices, our `limits`, the firm's `rule`, and who is first (`seed`).

    `sessions` are those of the exchange, where our limits need them.
    """

    pricing: Pricing
    limits: LimitsChanged
    rule: FirmsRule
    seed: int
    sessions: KnownSessions | None = None


class FoundInTrades(NamedTuple):
    """How the firm's rule was broken, and the fewest `trades` that were found to do it."""

    found: Found
    trades: tuple[Trade, ...]


def judged(trades: Sequence[Trade], on: Trading) -> Found | None:
    """Plays the trades; returns the first breach of the firm's rule, None where there is none."""
    counts_open = on.limits.stop_loss_on == "total"
    [timeline] = drawings(trades, on.pricing, on.seed, 1, counts_open=counts_open)
    if on.sessions is not None:
        timeline = timeline.with_sessions(on.sessions)
    beside = _Beside(Judge(on.rule, timeline.opening.ms), on.pricing.contracts)
    # A trade's P&L is that of its file, and what has no bars has no marks: neither is doubted.
    limits = structs.replace(on.limits, point_values="", mark_stale_ms=0)
    simulate(timeline, limits, beside.look_on)
    beside.ends()
    return beside.found


def search_trades(trades: Sequence[Trade], on: Trading) -> FoundInTrades | None:
    """Looks for a breach in the trades, and for the fewest of them that show it in the same way."""
    found = judged(trades, on)
    if found is None:
        return None
    until = [trade for trade in trades if trade.entry_ms <= found.broken.ms]

    def shows(some: Sequence[Trade]) -> bool:
        seen = judged(some, on) if some else None
        return seen is not None and seen.how == found.how

    few = fewest(until, shows, MOST_TRIES) if shows(until) else until
    return FoundInTrades(judged(few, on) or found, tuple(sorted(few, key=lambda trade: trade.content)))


class _Beside:
    """Looks on at a simulation: what is made and open, by what the workers report.

    All of a moment counts together: what breaks the rule there without the costs of closing is a gap, though
    the stop came with the first of its marks.
    """

    def __init__(self, judge: Judge, contracts: Mapping[str, Contract]) -> None:
        self.found: Found | None = None
        self._judge = judge
        self._contracts = contracts
        self._made = ZERO
        self._opened: dict[str, Decimal] = {}
        self._now_ms = 0
        self._stopped = False
        self._costs = ZERO  # of closing what the stop closed

    def look_on(self, state: State, at: StreamId, event: Event) -> Sequence[Decision]:
        """Folds the event, and takes note of it."""
        if at.ms != self._now_ms:
            self.ends()
            self._now_ms, self._stopped, self._costs = at.ms, False, ZERO
        decided = fold(state, at, event)
        if isinstance(event, PositionMarked):
            self._opened[event.symbol] = event.unrealized
        elif isinstance(event, PositionClosed):
            self._opened.pop(event.symbol, None)
            self._made += event.pnl
            if event.reason == STOPPED_BEFORE_ITS_EXIT:
                self._costs += self._cost_of(event.symbol) * event.size
        self._stopped = self._stopped or is_stop(decided)
        return decided

    def ends(self) -> None:
        """Shows the judge the account as it is at the end of the moment."""
        before = self._judge.broken
        self._judge.sees(self._now_ms, self._made, self._open)
        broken = self._judge.broken
        if broken is None or before is not None:
            return
        how: How = "unstopped"
        if self._stopped:
            how = "gap" if broken.equity + self._costs <= broken.floor else "cost"
        self.found = Found(broken, how)

    def _cost_of(self, symbol: str) -> Decimal:
        """Returns what closing a contract costs: commission of both sides, and slippage."""
        contract = self._contracts[symbol]
        return 2 * contract.commission_per_side + contract.slippage_ticks * contract.tick_value

    @property
    def _open(self) -> Decimal:
        return sum(self._opened.values(), ZERO)
