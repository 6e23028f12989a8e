"""Where each limit that closes everything would stand if every stop filled.

A stop that would keep a profit counts as nothing made: another may fill before it, so it pays for none. What
a watched account is short of counts as well. Guarantees: pure; the parts add up to the sum, exactly.
"""

from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.equity import (
    FLOOR,
    TRAILING,
    allowed_floor,
    equity,
    logged_equity,
)
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.budget.at_stop import entry_at_stop, leg_at_stop
from portfold.coordinator.fold.rules.limits import (
    daily_loss,
    loss_tiers,
    profit_lock,
    week,
    worker_daily_loss,
)
from portfold.coordinator.fold.state import State, daily_pnl, earlier, reported_pnl
from portfold.coordinator.fold.worker_day import realized_today
from portfold.dollars import ZERO

_OF_THE_DAY = (
    ("daily_stop_loss", daily_loss.closes_at),
    ("loss_tiers", loss_tiers.closes_at),
    ("weekly_loss", week.closes_at),
    ("profit_lock_at", profit_lock.closes_at),
)


class Unknown(NamedTuple):
    """The leg whose loss nobody knows, in words."""

    leg: str


class Worst(NamedTuple):
    """What the day's P&L, or the equity, would be, held against the limit named `rule`; dollars.

    `before` is what is realized, `legs`, `slots` and `asked` are what their stops would add to it.
    """

    rule: str
    limit: Decimal
    before: Decimal
    legs: Decimal
    slots: Decimal
    asked: Decimal

    @property
    def now(self) -> Decimal:
        """Returns the sum."""
        return self.before + self.legs + self.slots + self.asked

    @property
    def room(self) -> Decimal:
        """Returns how far the sum is from the limit: at 0 it is reached."""
        return self.now - self.limit


def worst_of_all(state: State, limits: Limits, asked: Decimal = ZERO, worker: str = "") -> Worst | Unknown:
    """Returns the limit that is nearest, with `asked` more at its stop; Unknown where a leg's loss is.

    The limit of one `worker` is among them, if one is named: that of nobody else is nearer by its entry.
    """
    of_day = since_entry = slots = own_legs = own_slots = ZERO
    for held in state.positions.values():
        made = leg_at_stop(limits, held)
        if made is None:
            return Unknown(f"{held.symbol} {held.side} {held.size} of {held.worker}")
        since_entry += min(ZERO, made)
        today = min(ZERO, made - earlier(state, held))
        of_day += today
        own_legs += today if held.worker == worker else ZERO
    for slot in state.reservations.values():
        made = entry_at_stop(limits, slot, slot.plan)
        if made is None:
            return Unknown(f"{slot.symbol} {slot.side} {slot.size}, reserved by {slot.worker}")
        slots += min(ZERO, made)
        own_slots += min(ZERO, made) if slot.worker == worker else ZERO
    asked = min(ZERO, asked)
    day = state.day.realized + daily_pnl(state) - reported_pnl(state)
    closes = ((rule, closes_at(state, limits)) for rule, closes_at in _OF_THE_DAY)
    found = [Worst(rule, limit, day, of_day, slots, asked) for rule, limit in closes if limit is not None]
    own = worker_daily_loss.closes_at(state, limits, worker) if worker else None
    if own is not None:
        realized = realized_today(state, worker)
        found.append(Worst("worker_daily_loss", own, realized, own_legs, own_slots, asked))
    found += [
        Worst(rule, floor, money, since_entry, slots, asked) for rule, floor, money in _floors(state, limits)
    ]
    return min(found, key=lambda one: one.room)


def _floors(state: State, limits: Limits) -> list[tuple[str, Decimal, Decimal]]:
    """Returns each floor by its rule, with the equity without what is open."""
    capital = state.capital
    if capital is None:
        return []
    money = logged_equity(state, capital, realized=True)
    found: list[tuple[str, Decimal, Decimal]] = []
    for rule in (FLOOR, TRAILING):
        if getattr(limits, rule):
            realized = rule == TRAILING and limits.trailing_on_realized
            counted = equity(state, capital, realized=realized)
            short = counted - logged_equity(state, capital, realized=realized)
            found.append((rule, allowed_floor(limits, capital, rule), money + short))
    return found
