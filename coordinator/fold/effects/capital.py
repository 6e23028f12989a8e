"""The account's money: from where the operator counts it, what is paid in and out, and the firm's own day."""

from portfold.coordinator.fold.effects import account
from portfold.coordinator.fold.equity import next_close, raise_peak, reckoned
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.exposure import contracts_ladder
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO
from portfold.events.account import CashMoved
from portfold.events.decisions import Decision, EventRejected
from portfold.events.stream_id import StreamId


def count_from(state: State, at: StreamId, limits: Limits) -> None:
    """Begins to count the equity where the limits name a balance for the first time, or another one.

    The same balance named again changes nothing, so no order and no restart makes the peak begin anew;
    another peak named beside it is a person's correction.
    """
    if not limits.start_balance:
        state.capital = None
        return
    capital, named = state.capital, max(limits.start_peak, limits.start_balance)
    if capital is None or capital.start != limits.start_balance:
        capital = Capital(limits.start_balance, limits.start_peak, from_net=state.net, peak=named)
        state.capital = capital
    elif capital.named_peak != limits.start_peak:
        capital.named_peak, capital.peak = limits.start_peak, named
    capital.closes_ms = next_close(limits, at.ms)
    contracts_ladder.note_first(state, limits, capital)


def close_firms_day(state: State, at: StreamId) -> None:
    """Raises the peak at the firm's own time, with the equity as it was last known then."""
    capital, limits = state.capital, state.limits
    if capital is None or limits is None or not capital.closes_ms or at.ms < capital.closes_ms:
        return
    raise_peak(limits, capital, reckoned(state))
    capital.closes_ms = next_close(limits, at.ms)


def cash_moved(state: State, at: StreamId, event: CashMoved) -> list[Decision]:
    """Moves the equity, and where an account is watched what it is expected to hold, by what was paid."""
    capital = state.capital
    if not event.amount:
        reason = "CashMoved: amount: expected dollars that were paid in, or below 0 paid out"
        return [EventRejected(reason=reason, rejected="CashMoved")]
    if capital is None and state.account is None:
        reason = "CashMoved: no start_balance is in force and no account is watched, so no equity is counted"
        return [EventRejected(reason=reason, rejected="CashMoved")]
    if capital is not None:
        paid_in = max(event.amount, ZERO)
        capital.cash += event.amount
        capital.peak += paid_in
        capital.forced = {rule: equity + paid_in for rule, equity in capital.forced.items()}
    moved = account.cash_moved(state, event.amount)
    return [*moved, *table.watch(state, at)]
