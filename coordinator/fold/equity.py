"""The equity: what the operator began with, what was paid in and out, and what the log has made since.

`Money` is all that limits of money are held against, reckoned once for all of them. Where an account is
watched and does not merely lag behind, the worse of the log's figure and the account's counts. Guarantees:
the peak never falls but by a person's order, so a floor that hangs on it never does.
"""

from decimal import Decimal

from msgspec import Struct

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.state import State, account_counts, daily_pnl
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.dollars import ZERO

FLOOR = "equity_floor"
TRAILING = "trailing_drawdown"
"""The rules of the two floors, by their names."""


class Money(Struct, frozen=True):
    """What limits of money are held against, in dollars.

    `pnl` is the trading day's, as the daily stop counts it. `equity`, and what of it is `realized`, are None
    where the limits name no money of an account.
    """

    pnl: Decimal
    equity: Decimal | None = None
    realized: Decimal | None = None


def reckoned(state: State, pnl: Decimal | None = None) -> Money:
    """Returns what limits of money are held against now; `pnl` is the day's, where that is known already."""
    capital, account, pnl = state.capital, state.account, daily_pnl(state) if pnl is None else pnl
    if capital is None:
        return Money(pnl)
    realized = logged_equity(state, capital, realized=True)
    whole = realized + _open_pnl(state)
    if account is None or not account_counts(account):
        return Money(pnl, whole, realized)
    return Money(pnl, min(whole, account.equity), min(realized, account.equity - account.unrealized))


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
    return found if realized else found + _open_pnl(state)


def _open_pnl(state: State) -> Decimal:
    found = ZERO
    for held in state.positions.values():
        found += held.unrealized
    return found


def trailing_floor(limits: Limits, capital: Capital) -> Decimal:
    """Returns the floor that trails the peak; it rises no further than where it locks."""
    floor = capital.peak - limits.trailing_drawdown
    return min(floor, limits.trailing_locks_at) if limits.trailing_locks_at else floor


def equity_for(limits: Limits, money: Money, rule: str) -> Decimal | None:
    """Returns the equity as the floor named `rule` counts it."""
    return money.realized if rule == TRAILING and limits.trailing_on_realized else money.equity


def allowed_floor(limits: Limits, capital: Capital, rule: str) -> Decimal:
    """Returns the floor that holds now: after a forced resume below it, one daily limit below that equity."""
    floor, forced = _floor(limits, capital, rule), capital.forced
    return min(floor, forced[rule] - limits.daily_stop_loss) if rule in forced else floor


def _floor(limits: Limits, capital: Capital, rule: str) -> Decimal:
    return trailing_floor(limits, capital) if rule == TRAILING else limits.equity_floor


def note_equity(limits: Limits, capital: Capital, money: Money) -> None:
    """Raises the peak, where it moves with every mark; ends what was forced once the equity is above."""
    if not limits.trailing_at:
        raise_peak(limits, capital, money)
    for rule in list(capital.forced) if capital.forced else ():
        now = equity_for(limits, money, rule)
        if now is None or now > _floor(limits, capital, rule) or not getattr(limits, rule):
            del capital.forced[rule]


def raise_peak(limits: Limits, capital: Capital, money: Money) -> None:
    """Raises the peak to the equity, where that is higher."""
    now = equity_for(limits, money, TRAILING)
    if now is not None and now > capital.peak:
        capital.peak = now


def next_close(limits: Limits, ms: int) -> int:
    """Returns when the peak counts next, by the firm's own clock; 0 where it moves with every mark."""
    if not limits.trailing_at:
        return 0
    return trading_day_at(ms, limits.trailing_zone, limits.trailing_at).ends_ms
