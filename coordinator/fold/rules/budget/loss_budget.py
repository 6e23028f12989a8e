"""The loss budget: an entry is denied where all stops together, its own among them, would reach a limit.

Every limit of money that closes everything counts: the day's stop, a tier, the week's loss, an armed lock,
both floors; and the worker's own loss, which closes that worker. It is a plan of what stops would lose: a gap
fills worse, and breaks it. A stop that moves away or a fill at a worse price may reach a limit too: that is a
fact, so it is folded and said as a breach.
"""

from portfold.coordinator.fold.equity import FLOOR, TRAILING
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.budget.at_stop import entry_at_stop
from portfold.coordinator.fold.rules.budget.plans import plan_of
from portfold.coordinator.fold.rules.budget.worst import Unknown, Worst, worst_of_all
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, shown
from portfold.events.incoming import EntryRequested

_CODE = "loss_budget"
_OF_EQUITY = (FLOOR, TRAILING)


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where a stop is not named though it has to be, where a loss is not known, or is too much."""
    if not limits.loss_budget:
        return None
    plan = plan_of(request)
    if plan is None and limits.loss_budget == "deny":
        return Denial(_CODE, f"{request.symbol} names no stop: it needs stop_price with price, or risk")
    asked = entry_at_stop(limits, request, plan)
    if asked is None:
        return Denial(_CODE, _why_not_known(limits, request))
    found = worst_of_all(state, limits, asked, request.worker)
    if isinstance(found, Unknown):
        return Denial(_CODE, _in_words(found))
    return Denial(_CODE, _in_words(found)) if found.room <= 0 else None


def _why_not_known(limits: Limits, request: EntryRequested) -> str:
    if not request.stop_price:
        return f"{request.symbol} names no stop, and default_risk has none for it"
    lacks = "price" if request.symbol in limits.point_values else "point value"
    loss = f"What {request.symbol} would lose at {request.stop_price}"
    return f"{loss} is not known without a {lacks}: name risk"


def beyond(state: State, worker: str) -> str:
    """Says how the plan, or the worker's own, is at a limit; nothing where it is not."""
    limits = state.limits
    if limits is None or not limits.loss_budget:
        return ""
    found = worst_of_all(state, limits, worker=worker)
    return _in_words(found) if isinstance(found, Unknown) or found.room <= 0 else ""


def _in_words(found: Worst | Unknown) -> str:
    if isinstance(found, Unknown):
        return f"What {found.leg} would lose is not known: it has no stop, and default_risk has none for it"
    counted, made = _counted(found)
    parts = {made: found.before, "open legs": found.legs, "reserved": found.slots, "this": found.asked}
    summed = ", ".join(f"{name} {shown(dollars)}" for name, dollars in parts.items() if dollars)
    return (
        f"{counted} would be {shown(found.now)} of {shown(found.limit)} ({found.rule}) if every stop filled, "
        f"and a gap fills worse: {summed}"
    )


def _counted(found: Worst) -> tuple[str, str]:
    if found.rule in _OF_EQUITY:
        return "Equity", "realized equity"
    return ("Worker's P&L of the day" if found.rule == "worker_daily_loss" else "Day's P&L"), "realized"


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the nearest limit, where it would stand if every stop filled."""
    if not limits.loss_budget:
        return None
    found = worst_of_all(state, limits)
    whole = limits.daily_stop_loss
    if isinstance(found, Unknown):
        stop_at = state.day.stop_from - whole
        return Reading("dollars", stop_at, stop_at, ZERO, whole, _in_words(found))
    left = max(ZERO, found.room)
    about = f"{_counted(found)[0]} if every stop filled, by {found.rule}; a gap fills worse"
    return Reading("dollars", found.limit, found.now, left, max(whole, left), about)


RULE = Rule(_CODE, may_enter, (_CODE, "default_risk", "stop_costs"), read=read)
