"""The equity: what the operator began with, what was paid in and out, and what the log has made since.

Where an account is watched and does not merely lag behind, the worse of the log's figure and the account's
counts. Guarantees: the peak never falls but by a person's order, so a floor that hangs on it never does.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.state import State, account_counts
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.dollars import ZERO

FLOOR = "equity_floor"
TRAILING = "trailing_drawdown"
"""The rules of the two floors, by their names."""


def equity(state: State, capital: Capital, *, realized: bool) -> Decimal:
    """Returns the equity in dollars; without open profit and loss where it is `realized`."""
    found = logged_equity(state, capital, realized=realized)
    account = state.account
    if account is None or not account_counts(account):
        return found
    return min(found, account.equity - account.unrealized if realized else account.equity)


def logged_equity(state: State, capital: Capital, *, realized: bool) -> Decimal:
    """Returns the equity by the log alone, whatever an account says."""
    found = capital.start + capital.cash + state.net - capital.from_net
    if realized:
        return found
    return found + sum((held.unrealized for held in state.positions.values()), ZERO)


def trailing_floor(limits: Limits, capital: Capital) -> Decimal:
    """Returns the floor that trails the peak; it rises no further than where it locks."""
    floor = capital.peak - limits.trailing_drawdown
    return min(floor, limits.trailing_locks_at) if limits.trailing_locks_at else floor


def equity_for(state: State, limits: Limits, capital: Capital, rule: str) -> Decimal:
    """Returns the equity as the floor named `rule` counts it."""
    return equity(state, capital, realized=rule == TRAILING and limits.trailing_on_realized)


def allowed_floor(limits: Limits, capital: Capital, rule: str) -> Decimal:
    """Returns the floor that holds now: after a forced resume below it, one daily limit below that equity."""
    floor, forced = _floor(limits, capital, rule), capital.forced.get(rule)
    return floor if forced is None else min(floor, forced - limits.daily_stop_loss)


def _floor(limits: Limits, capital: Capital, rule: str) -> Decimal:
    return trailing_floor(limits, capital) if rule == TRAILING else limits.equity_floor


def note_equity(state: State, limits: Limits, capital: Capital) -> None:
    """Raises the peak, where it moves with every mark; ends what was forced once the equity is above."""
    if not limits.trailing_at:
        raise_peak(state, limits, capital)
    for rule in list(capital.forced):
        above = equity_for(state, limits, capital, rule) > _floor(limits, capital, rule)
        if above or not getattr(limits, rule):
            del capital.forced[rule]


def raise_peak(state: State, limits: Limits, capital: Capital) -> None:
    """Raises the peak to the equity, where that is higher."""
    capital.peak = max(capital.peak, equity(state, capital, realized=limits.trailing_on_realized))


def next_close(limits: Limits, ms: int) -> int:
    """Returns when the peak counts next, by the firm's own clock; 0 where it moves with every mark."""
    if not limits.trailing_at:
        return 0
    return trading_day_at(ms, limits.trailing_zone, limits.trailing_at).ends_ms
