"""The day's profit as the rules of profit count it: from its beginning, or from where they were told to."""

from decimal import Decimal

from portfold.coordinator.fold.equity import Money
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import LockAction
from portfold.coordinator.fold.state import State
from portfold.dollars import shown


def counted_profit(state: State, money: Money) -> Decimal:
    """Returns it in dollars."""
    return money.pnl - state.day.profit_from


def counted_from(state: State) -> str:
    """Says from where it counts, if not from the day's beginning."""
    return f" counted from {shown(state.day.profit_from)}" if state.day.profit_from else ""


def profit_action(limits: Limits) -> LockAction:
    """Returns what follows where enough was made: all is closed, or entries are denied only."""
    return "deny" if limits.profit_denies_only else "flatten"
