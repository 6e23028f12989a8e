"""A stop that moves: what its leg is planned to lose from now on, as the worker that holds it says.

Guarantees: it changes that plan and nothing else. One of another's leg, of none, of a replaced process or on
the wrong side of the price is refused, and what was planned stays.
"""

from portfold.coordinator.fold.effects.entry import SENTENCE
from portfold.coordinator.fold.money_state import Plan
from portfold.coordinator.fold.rules.budget.loss_budget import beyond
from portfold.coordinator.fold.state import Position, State, leg_key
from portfold.dollars import shown_price
from portfold.events.decisions import Decision, EventRejected, LimitBreached
from portfold.events.incoming import PositionOpened, StopMoved


def moved(state: State, event: StopMoved) -> list[Decision]:
    """Plans the leg's loss anew, and says where that reaches a limit."""
    held = state.positions.get(leg_key(event.symbol, event.side, event.worker))
    why_not = _why_not(state, event, held)
    if held is None or why_not:
        return [EventRejected(reason=f"StopMoved: {why_not}"[:SENTENCE], rejected="StopMoved")]
    before = beyond(state, event.worker)
    held.plan = Plan(stop=event.stop_price)
    breached = budget_breach(state, event, before)
    state.stats.limit_breaches += len(breached)
    return breached


def budget_breach(state: State, event: StopMoved | PositionOpened, before: str) -> list[Decision]:
    """Returns the breach where the plan is at a limit by this event, and was not `before`."""
    after = "" if before else beyond(state, event.worker)
    if not after:
        return []
    reason = after[:SENTENCE]
    return [LimitBreached(worker=event.worker, symbol=event.symbol, code="loss_budget", reason=reason)]


def _why_not(state: State, event: StopMoved, held: Position | None) -> str:
    leg = f"{event.side} {event.symbol}"
    if state.workers[event.worker].session != event.session:
        return f"session {event.session} of {event.worker} was replaced"
    if held is None:
        legs = state.positions.values()
        alike = (one.worker for one in legs if (one.symbol, one.side) == (event.symbol, event.side))
        whose = next(alike, "")
        return f"{event.worker} holds no {leg} on the log" + (f"; {whose} does" if whose else "")
    price = held.price if held.mark is None else held.mark
    below = event.stop_price < price
    if event.stop_price == price or below != (event.side == "long"):
        where, what = "below" if event.side == "long" else "above", "entry" if held.mark is None else "mark"
        expected = f"expected {where} the {what} {shown_price(price)} of {leg}"
        return f"stop_price: {expected}, got {event.stop_price:f}"
    return ""
