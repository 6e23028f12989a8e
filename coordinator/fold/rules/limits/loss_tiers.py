"""Tiers of the day's loss before the stop: tell, deny entries above a size, deny all, flatten.

Each is held against the loss as the daily stop counts it, and latches for the day. It is told again only when
a worse one is reached, or others were ordered; of those reached that day the strictest holds.
"""

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, get_args

from portfold.coordinator.fold.equity import Money
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Lock, LockAction
from portfold.coordinator.fold.rules.latching import denier, latch, tomorrow
from portfold.coordinator.fold.rules.rule import Reached, Reading, Rule
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.dollars import CENT, EXACT, ZERO, shown
from portfold.events.decisions import Decision
from portfold.events.stream_id import StreamId

_CODE = "loss_tiers"
_SEVERITY = get_args(LockAction)


class Tier(NamedTuple):
    """From how many dollars lost on what follows."""

    dollars: Decimal
    action: LockAction
    size: int


@lru_cache(maxsize=64)
def tiers_of(text: str, daily_stop_loss: Decimal) -> tuple[Tier, ...]:
    """Reads the tiers, the smallest loss first."""
    found = (_tier(word, daily_stop_loss) for word in text.split(" ") if word)
    return tuple(sorted(found, key=lambda tier: tier.dollars))


def _tier(word: str, daily_stop_loss: Decimal) -> Tier:
    amount, _, wanted = word.partition("=")
    action, _, size = wanted.partition(":")
    dollars = Decimal(amount.removesuffix("%"))
    if amount.endswith("%"):
        dollars = EXACT.quantize(EXACT.divide(daily_stop_loss * dollars, Decimal(100)), CENT)
    return Tier(dollars, _action(action), int(size or "0"))


def _action(word: str) -> LockAction:
    actions: dict[str, LockAction] = {"tell": "tell", "above": "above", "deny": "deny", "flatten": "flatten"}
    return actions[word]


def is_reached(state: State, limits: Limits, money: Money) -> Reached | None:
    """Returns the worst tier that is reached and was not before."""
    if not limits.loss_tiers:
        return None
    tiers, before = tiers_of(limits.loss_tiers, limits.daily_stop_loss), state.day.tier
    lost = state.day.stop_from - money.pnl
    if before >= len(tiers) or lost < tiers[before].dollars:
        return None
    reached = [tier for tier in tiers if lost >= tier.dollars]
    strictest = max(reached, key=_severity)
    denied = {"tell": "", "above": f": no entries above {strictest.size}", "deny": ": no entries"}
    reason = (
        f"Day's loss {shown(-lost)} reached the tier {shown(-reached[-1].dollars)} of the limit "
        f"{shown(-limits.daily_stop_loss)}{denied.get(strictest.action, '')}"
    )
    limit = -reached[-1].dollars
    return Reached(strictest.action, -lost, limit, tomorrow(state), reason, strictest.size)


def closes_at(state: State, limits: Limits) -> Decimal | None:
    """Returns the day's P&L at which a tier closes everything, if one does."""
    if not limits.loss_tiers or _CODE in state.day.lifted:
        return None
    tiers = tiers_of(limits.loss_tiers, limits.daily_stop_loss)
    return next((state.day.stop_from - tier.dollars for tier in tiers if tier.action == "flatten"), None)


def watch(state: State, at: StreamId, limits: Limits, money: Money) -> list[Decision]:
    """Latches a tier that is worse than the one before; what is latched already gives way to none milder."""
    latched = state.locks.get(_CODE)
    if _CODE in state.day.lifted or (latched and latched.until <= state.day.date):
        return []  # an earlier day's lock that waits for a flat book stays until then
    reached = is_reached(state, limits, money)
    if reached is None:
        return []
    tiers = tiers_of(limits.loss_tiers, limits.daily_stop_loss)
    state.day.tier = sum(-reached.now >= tier.dollars for tier in tiers)
    decisions = latch(state, at, _CODE, reached)
    if latched is not None and _severity(latched) > _severity(reached):
        state.locks[_CODE] = latched
    return decisions


def _severity(one: Tier | Reached | Lock) -> tuple[int, int]:
    return _SEVERITY.index(one.action), -one.size


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the day's loss against the next tier, or the last where all are reached."""
    tiers = tiers_of(limits.loss_tiers, limits.daily_stop_loss)
    if not tiers:
        return None
    lost = state.day.stop_from - daily_pnl(state)
    following = tiers[min(state.day.tier, len(tiers) - 1)]
    left = max(ZERO, following.dollars - lost)
    about = f"loss of the day; tier {min(state.day.tier + 1, len(tiers))} of {len(tiers)}: {following.action}"
    return Reading("dollars", -following.dollars, -lost, left, following.dollars, about)


RULE = Rule(_CODE, denier(_CODE), (_CODE,), watch, read, is_reached)
