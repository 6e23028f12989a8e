"""What must hold of the loss budget: no entry by which all stops together would come to a limit.

Plans are followed from requests, fills and moved stops on the log; prices, marks and what earlier days
counted are the log's. All is added up a second time, in fractions; nobody is denied what there is room for.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import Position, Reservation, State
from portfold.dollars import shown
from portfold.events.account import ACCOUNT
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, EntryExpired, LimitBreached
from portfold.events.incoming import (
    EntryRequested,
    Event,
    Malformed,
    PositionOpened,
    StopMoved,
    WorkerStarted,
)
from portfold.events.stream_id import StreamId
from tests.simulation.laws.book import ON_TIME, Book
from tests.simulation.laws.exposure.numbers import number_of
from tests.simulation.laws.exposure.worker_loss_law import WorkerLossLaw
from tests.simulation.laws.money_law import MoneyLaw
from tests.simulation.scheduler import Violation

_RULE = "loss_budget"
_BEYOND = "no entry by which all stops together would come to a limit"
_NOTHING = Fraction(0)


class _Plan(NamedTuple):
    """What a leg or a slot plans to lose: at `stop`, where it expects `price`; or `risk` dollars in all."""

    stop: Fraction | None
    price: Fraction | None
    risk: Fraction


class _Room(NamedTuple):
    """How far it is to each limit if every stop filled; None where a loss is not known."""

    each: dict[str, tuple[Fraction, Fraction]] | None

    @property
    def is_reached(self) -> bool:
        return self.each is None or any(now <= limit for now, limit in self.each.values())


class BudgetLaw:
    """Follows the plans of all that is held or reserved."""

    def __init__(self, book: Book, money: MoneyLaw, loss: WorkerLossLaw) -> None:
        self._book = book
        self._money = money
        self._loss = loss
        self._slots: dict[str, _Plan | None] = {}
        self._legs: dict[str, _Plan | None] = {}
        self._held: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._reserved: dict[str, tuple[int, str]] = {}

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        over = {_leg(one) for one in decisions if isinstance(one, EntryExpired) and one.reason in ON_TIME}
        self._fills(event)
        self._shrinks(event, over)
        if isinstance(event, StopMoved):
            self._legs[_leg(event)] = _Plan(Fraction(event.stop_price), None, _NOTHING)
        for one in decisions:
            if isinstance(event, EntryRequested) and isinstance(one, EntryAllowed) and not one.repeats:
                self._slots[_leg(event)] = _plan_of(event)
        self._before, self._held = self._held, dict(self._book.held)
        self._reserved = {leg: (one.size, one.request) for leg, one in self._book.reserved.items()}
        self._are_planned(at, state)
        limits = state.limits
        if limits is None or not limits.loss_budget:
            return
        for one in decisions:
            if isinstance(event, EntryRequested) and isinstance(one, EntryAllowed | EntryDenied):
                self._answered(at, event, one, state, limits)
            if isinstance(one, LimitBreached) and one.code == _RULE:
                self._is_breached(at, one, state, limits)

    def _is_breached(self, at: StreamId, one: LimitBreached, state: State, limits: Limits) -> None:
        """It is judged before what nobody owned is known to be of who fills: then there is room again."""
        room = self._room(state, limits, one.worker)
        if not room.is_reached and not any(leg.endswith(f":{ACCOUNT}") for leg in self._before):
            raise Violation("a breach of the budget is one", f"{at}: {one}, {room.each}")

    # --- plans ---------------------------------------------------------------------------------------------

    def _fills(self, event: Event | Malformed | None) -> None:
        """A leg has the plan of its slot, as much of it as was filled; where a part has none, none."""
        if not isinstance(event, PositionOpened):
            return
        leg = _leg(event)
        plan = self._granted(leg, event.size)
        if leg in self._held:
            plan = _joined(self._legs.get(leg), plan)
        self._legs[leg] = plan

    def _shrinks(self, event: Event | Malformed | None, over: set[str]) -> None:
        """What is closed, or filled, takes its part of the dollars along; what joins has no stop.

        But for what a worker says as it starts that it holds: that may be of the slot that it has.
        """
        filled = _leg(event) if isinstance(event, PositionOpened) else ""
        for leg, size in self._book.held.items():
            before = self._held.get(leg, 0)
            if leg == filled:
                continue
            if size > before:
                granted = self._granted(leg, size - before) if leg not in over else None
                told = granted if isinstance(event, WorkerStarted) else None
                self._legs[leg] = _joined(self._legs.get(leg), told) if before else told
            elif size < before:
                self._legs[leg] = _part(self._legs.get(leg), size, before)
        for leg, slot in self._book.reserved.items():
            before, request = self._reserved.get(leg, (0, ""))
            if request == slot.request and slot.size < before:
                self._slots[leg] = _part(self._slots.get(leg), slot.size, before)
        self._legs = {leg: plan for leg, plan in self._legs.items() if leg in self._book.held}
        self._slots = {leg: plan for leg, plan in self._slots.items() if leg in self._book.reserved}

    def _granted(self, leg: str, filled: int) -> _Plan | None:
        """The plan of so many contracts of the slot; none where it has fewer."""
        size, _ = self._reserved.get(leg, (0, ""))
        plan = self._slots.get(leg) if filled <= size else None
        return None if plan is None else _Plan(plan.stop, None, plan.risk * filled / size)

    def _are_planned(self, at: StreamId, state: State) -> None:
        for leg, held in state.positions.items():
            own, there = self._legs.get(leg), held.plan
            if own is None or there is None:
                same = own is None and there is None
            else:
                same = (own.stop, own.risk) == (there.stop, Fraction(there.risk))
            if not same:
                raise Violation(
                    "a leg plans to lose what its worker said", f"{at}: {leg}: {there}, not {own}"
                )

    # --- answers -------------------------------------------------------------------------------------------

    def _answered(
        self,
        at: StreamId,
        event: EntryRequested,
        one: EntryAllowed | EntryDenied,
        state: State,
        limits: Limits,
    ) -> None:
        if one.repeats or (isinstance(one, EntryDenied) and one.code != _RULE):
            return
        plan = _plan_of(event)
        unnamed = plan is None and limits.loss_budget == "deny"
        asked = _at_stop(limits, event, plan, None) if isinstance(one, EntryDenied) else _NOTHING
        room = self._room(state, limits, event.worker, asked)
        if isinstance(one, EntryAllowed):
            if unnamed or room.is_reached:
                raise Violation(_BEYOND, f"{at}: {one}, {room.each}")
            return
        if not (unnamed or room.is_reached):
            raise Violation("nobody is denied what the budget has room for", f"{at}: {one}, {room.each}")
        if "would be" in one.reason and room.each is not None:
            told = [room.each[rule] for rule in room.each if f"({rule})" in one.reason]
            sums = [f"would be {_shown(now)} of {_shown(limit)} " for now, limit in told]
            if not any(words in one.reason for words in sums):
                raise Violation("the sum is spelled out", f"{at}: {one.reason}, and it is {room.each}")

    def _room(self, state: State, limits: Limits, worker: str, asked: Fraction | None = _NOTHING) -> _Room:
        """How far all stops together, with what is asked at its own, leave it from each limit."""
        since_entry, of_day, slots, own_day, own_slots = (_NOTHING for _ in range(5))
        own_open = _NOTHING
        for leg, held in state.positions.items():
            made = _at_stop(limits, held, self._legs.get(leg), Fraction(held.price))
            if made is None:
                return _Room(None)
            costs = _costs(limits, held.symbol, held.size)
            made = min(made, Fraction(held.unrealized) - costs)
            since_entry += min(_NOTHING, made)
            today = min(_NOTHING, made - Fraction(held.carried))
            of_day += today
            if held.worker == worker:
                own_day += today
                own_open += Fraction(held.unrealized - held.carried)
        for leg, slot in state.reservations.items():
            made = _at_stop(limits, slot, self._slots.get(leg), None)
            if made is None:
                return _Room(None)
            slots += min(_NOTHING, made)
            own_slots += min(_NOTHING, made) if slot.worker == worker else _NOTHING
        if asked is None:
            return _Room(None)
        asked = min(_NOTHING, asked)
        found: dict[str, tuple[Fraction, Fraction]] = {}
        for rule, (limit, beside) in self._money.closing(limits).items():
            legs = since_entry if rule in ("equity_floor", "trailing_drawdown") else of_day
            found[rule] = (Fraction(beside) + legs + slots + asked, Fraction(limit))
        closes_at = self._loss.closes_at(worker, limits)
        if closes_at is not None:
            realized = Fraction(self._loss.made(worker)) - own_open
            found["worker_daily_loss"] = (realized + own_day + own_slots + asked, closes_at)
        return _Room(found)


def _leg(one: EntryRequested | PositionOpened | StopMoved | EntryExpired) -> str:
    return f"{one.symbol}:{one.side}:{one.worker}"


def _plan_of(event: EntryRequested) -> _Plan | None:
    if event.risk:
        return _Plan(None, None, Fraction(event.risk))
    if not event.stop_price:
        return None
    price = Fraction(event.price) if event.price else None
    return _Plan(Fraction(event.stop_price), price, _NOTHING)


def _part(plan: _Plan | None, left: int, of: int) -> _Plan | None:
    return None if plan is None else plan._replace(risk=plan.risk * left / of)


def _joined(held: _Plan | None, added: _Plan | None) -> _Plan | None:
    """The stop of a leg is that of all of it; dollars add up; one of each kind is no plan."""
    if held is None or added is None:
        return None
    if held.stop is not None:
        return held
    return None if added.stop is not None else held._replace(risk=held.risk + added.risk)


_Planned = EntryRequested | Position | Reservation


def _at_stop(limits: Limits, one: _Planned, plan: _Plan | None, price: Fraction | None) -> Fraction | None:
    """What it would make at its stop, with costs; None where nobody knows."""
    symbol, side, size = one.symbol, one.side, one.size
    if plan is None:
        each = number_of(limits.default_risk, symbol)
        return None if each is None else -each * size - _costs(limits, symbol, size)
    if plan.stop is None:
        return -plan.risk - _costs(limits, symbol, size)
    price = plan.price if price is None else price
    point_value = limits.point_values.get(symbol)
    if price is None or point_value is None:
        return None
    move = plan.stop - price if side == "long" else price - plan.stop
    return move * Fraction(point_value) * size - _costs(limits, symbol, size)


def _costs(limits: Limits, symbol: str, size: int) -> Fraction:
    return (number_of(limits.stop_costs, symbol) or _NOTHING) * size


def _shown(dollars: Fraction) -> str:
    return shown(Decimal(dollars.numerator) / dollars.denominator)
