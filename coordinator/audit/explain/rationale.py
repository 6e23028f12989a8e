"""Why a decision was made: the rule that decided, with the numbers it was given. One function a decision.

Pure: derived from the state the event met (`met`, after time had passed) and the one it led to (`after`). The
numbers are those of the state; the sentence on record comes from the decision itself.

It matches decisions a second time, beside `views/words`, because it is no column of that table. A row there
says what was decided, from the message alone: the log and an alert have no more. A rationale says why, from
two states that only the audit has, and is shown below that row: what one says the other does not repeat. So a
new decision has both, and mypy refuses one that has no rationale here.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple, assert_never

from portfold.coordinator.audit.explain import account_rationale, limit_rationale
from portfold.coordinator.audit.explain.portfolio_rows import clock_text, pnl_parts, slots_sum, time_text
from portfold.coordinator.audit.record.moment import Exchange, exchange_of
from portfold.coordinator.fold.rules.entries.symbol_pending import how_it_went
from portfold.coordinator.fold.state import State, first_of, leg_key, leg_of, slots_used
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.coordinator.views.words.of_trades import legs_told
from portfold.dollars import shown
from portfold.events import account, decisions
from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.decisions import Decision, LockoutEnded
from portfold.events.incoming import Event, Malformed, PositionClosed, PositionMarked
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.exchange_time import span
from portfold.quotes import entry_price


class DecisionContext(NamedTuple):
    """One event: `before` is the state it found, `met` that after time had passed, `after` what it led to."""

    at: StreamId
    event: Event | Malformed
    before: State
    met: State
    after: State

    @property
    def exchange(self) -> Exchange:
        """Returns the exchange whose clock is shown."""
        return exchange_of(self.after.limits)

    @property
    def met_view(self) -> PortfolioView:
        """Returns the view of the state it met."""
        return portfolio_view(self.met, self.at)

    @property
    def after_view(self) -> PortfolioView:
        """Returns the view of the state it led to."""
        return portfolio_view(self.after, self.at)


def rationale_of(case: DecisionContext, decision: Decision) -> list[str]:
    """Returns the sentences for a decision; none where the decision itself says everything."""
    match decision:
        case decisions.EntryAllowed():
            return _allowed(case, decision)
        case decisions.EntryDenied():
            return _denied(case, decision)
        case decisions.EntryExpired():
            return _expired(case, decision)
        case decisions.StopLossApproaching():
            return limit_rationale.approaching(case.after_view, decision)
        case decisions.StopLossTriggered():
            return _triggered(case, decision)
        case decisions.LimitReached():
            return limit_rationale.reached(
                case.after_view, decision, clock_text(case.exchange, decision.until_ms)
            )
        case decisions.FlattenOrdered():
            return _ordered(case, decision)
        case decisions.FlattenHandedOver():
            return _handed_over(case, decision)
        case decisions.FlattenOverdue():
            return _overdue(case, decision)
        case decisions.PortfolioFlat():
            return [f"The last of what event {decision.episode} began to flatten is reported closed."]
        case decisions.LimitBreached():
            return _breached(case)
        case (
            decisions.PositionAdopted()
            | account.AccountAgrees()
            | account.AccountHeard()
            | WindowClosed()
            | LockoutEnded()
        ):
            return []
        case decisions.PositionMismatch():
            return _mismatch(decision)
        case decisions.PnlDisputed():
            return _disputed(case, decision)
        case decisions.MarkStale():
            return _stale(case, decision)
        case decisions.MarkDoubted():
            return limit_rationale.doubted(case.met.limits, clock_text(case.exchange, decision.until_ms))
        case account.AccountDiffers():
            return account_rationale.differs(case.met, case.after, decision)
        case account.AccountSilent():
            return account_rationale.silent(case.met)
        case account.FlatUnconfirmed():
            return account_rationale.unconfirmed(decision, clock_text(case.exchange, decision.next_ms))
        case WindowOpened():
            return limit_rationale.opened(decision, clock_text(case.exchange, decision.until_ms))
        case decisions.LooseningWaits():
            ends = time_text(case.exchange, case.after.day.ends_ms)
            return limit_rationale.waiting(f"{case.after.day.date} ends {ends} ({case.exchange.zone})")
        case decisions.LooseningEnded():
            return limit_rationale.waited(case.before.loosening)
        case decisions.EventRejected():
            return ["It changed nothing."]
        case decisions.TradingDayStarted():
            return _new_day(case, decision)
    assert_never(decision)


# --- entries --------------------------------------------------------------------------------------------


def _allowed(case: DecisionContext, decision: decisions.EntryAllowed) -> list[str]:
    if decision.repeats:
        return [_repeated(decision.repeats)]
    limits = case.met.limits
    return [
        f"{slots_sum(case.met_view)}; this is number {decision.slots}.",
        limit_rationale.contracts(case.met, decision),
        f"No rule objected: {', '.join(limit_rationale.asked(limits))}.",
        f"Reserved until {clock_text(case.exchange, decision.expires_ms)}, for "
        f"{span(decision.expires_ms - case.at.ms)}.",
    ]


def _denied(case: DecisionContext, decision: decisions.EntryDenied) -> list[str]:
    if decision.repeats:
        return [_repeated(decision.repeats)]
    numbers = _NUMBERS.get(decision.code)
    asked = limit_rationale.asked_before(case.met.limits, decision.code)
    unobjecting = [f"Asked before it, and did not object: {', '.join(asked)}."] if asked else []
    of_limits = [*limit_rationale.latched(case.met, decision), *limit_rationale.exposed(case.met, decision)]
    figures = [numbers(case, decision)] if numbers else of_limits
    return [*figures, *unobjecting]


def _stopped_out(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    stop = case.met.stop
    if stop is None:
        return ""
    return (
        f"The stop latched at event {stop.since}, with the daily P&L at {shown(stop.daily_pnl)}. It lifts on "
        "a later trading day, once nothing is open."
    )


def _halted(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    halt = case.met.halt
    if halt is None:
        return "There is no LimitsChanged on the log before it."
    return f"Halted since event {halt.since}, until somebody resumes."


def _superseded(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    worker = case.met.workers[decision.worker]
    return f"The session in force of {decision.worker} is {worker.session}: the last that said it started."


def _unsettled(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    found = [found for found in case.met.unsettled.values() if found.symbol == decision.symbol]
    return (
        f"Log and broker differ, or may, since event {found[0].since}; portfold settle ends that."
        if found
        else ""
    )


def _in_position(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    held = first_of(case.met.positions, decision.symbol)
    return f"Opened at event {held.opened}{entry_price(held.price, ', at ')}." if held else ""


def _pending(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    one = first_of(case.met.reservations, decision.symbol)
    if one is None:
        return ""
    if one.kept:
        went = how_it_went(case.met, one.worker)
        return f"Reserved by request {one.request}, and kept since {one.worker} {went}."
    if one.revoked:
        return (
            f"Reserved by request {one.request}; taken back by a flatten, and a fill may still be reported."
        )
    return f"Reserved by request {one.request} until {clock_text(case.exchange, one.expires_ms)}."


def _no_slot(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    return f"{slots_sum(case.met_view)}; this would be number {slots_used(case.met) + 1}."


def _no_contracts(case: DecisionContext, decision: decisions.EntryDenied) -> str:
    limits = case.met.limits
    if limits is not None and limits.contract_weights:
        return limit_rationale.contracts(case.met, decision)
    held = sum(position.size for position in case.met.positions.values())
    reserved = sum(reservation.size for reservation in case.met.reservations.values())
    most = limits.max_contracts if limits else 0
    total = held + reserved + decision.size
    return f"{held} held + {reserved} reserved + {decision.size} asked = {total}, and {most} is the limit."


_NUMBERS: dict[str, Callable[[DecisionContext, decisions.EntryDenied], str]] = {
    "stopped_out": _stopped_out,
    "halted": _halted,
    "locked_out": lambda case, _: limit_rationale.locked_out(case.met.lockout, case.exchange),
    "scope_closed": lambda case, decision: limit_rationale.scope_closed(case.met, decision),
    "worker_superseded": _superseded,
    "symbol_unsettled": _unsettled,
    "symbol_in_position": _in_position,
    "symbol_pending": _pending,
    "max_positions": _no_slot,
    "max_contracts": _no_contracts,
    "loss_budget": lambda case, _: limit_rationale.budget(case.met),
}


def _expired(case: DecisionContext, decision: decisions.EntryExpired) -> list[str]:
    one = case.before.reservations.get(leg_key(decision.symbol, decision.side, decision.worker))
    if one is None:
        return []
    if one.revoked:
        back = f"Request {one.request} was allowed, and an order to flatten took it back"
        return [f"{back}; it was kept as long as a fill of it might still have been reported."]
    until = clock_text(case.exchange, one.expires_ms)
    late = case.at.ms - one.expires_ms
    after = f"; this is the first event after that, {span(late)} later" if late > 0 else ""
    if case.before.worker_lost_ms:
        after = f", and kept {span(late)} more, until its worker would have been known to be lost"
    return [f"Request {one.request} was allowed until {until}{after}."]


def _repeated(first: str) -> str:
    return f"The same request was published before, as {first}: a repeat gets the same answer."


# --- the day's loss -------------------------------------------------------------------------------------


def _triggered(case: DecisionContext, decision: decisions.StopLossTriggered) -> list[str]:
    stop_from = case.after.day.stop_from
    forced = f" below the {shown(stop_from)} from which a forced resume counts" if stop_from else ""
    return [
        f"{_sum(case.after_view)}.",
        f"The limit is {shown(decision.limit)}{forced}, so the stop is at "
        f"{shown(stop_from - decision.limit)}; reaching it is enough.",
        f"To be closed by {clock_text(case.exchange, decision.deadline_ms)}, within "
        f"{span(decision.deadline_ms - case.at.ms)}: {legs_told(decision.positions)}.",
        *([f"Taken back before they filled: {legs_told(decision.pending)}."] if decision.pending else []),
    ]


def _sum(view: PortfolioView) -> str:
    return f"{pnl_parts(view)} = {shown(view.day.pnl)}"


# --- flattening -----------------------------------------------------------------------------------------


def _ordered(case: DecisionContext, decision: decisions.FlattenOrdered) -> list[str]:
    due = clock_text(case.exchange, decision.deadline_ms)
    if decision.episode != str(case.at):
        return [f"It joins the flatten that began at event {decision.episode}, due {due}."]
    return [f"To be closed by {due}, within {span(decision.deadline_ms - case.at.ms)}."]


def _handed_over(case: DecisionContext, decision: decisions.FlattenHandedOver) -> list[str]:
    owners = {leg.worker: case.after.workers.get(leg.worker) for leg in parse_legs(decision.positions)}
    presences = [f"{name} is {one.presence if one else 'unknown'}" for name, one in owners.items()]
    return [f"{', '.join(presences)}: whoever owns these cannot close them."]


def _overdue(case: DecisionContext, decision: decisions.FlattenOverdue) -> list[str]:
    began = StreamId.parse(decision.episode)
    due = clock_text(case.exchange, case.at.ms - decision.late_ms)
    following = clock_text(case.exchange, decision.next_ms)
    return [
        f"Ordered at event {began}, due {due}, now {span(decision.late_ms)} late. Reminder "
        f"{decision.reminder}; the next at {following}."
    ]


# --- what should not have happened ----------------------------------------------------------------------


def _breached(case: DecisionContext) -> list[str]:
    sum_after = slots_sum(case.after_view)
    return [f"{sum_after} after it. A fill is a fact: it counts, even where it breaks a limit."]


def _mismatch(decision: decisions.PositionMismatch) -> list[str]:
    perhaps = "perhaps " if decision.kind in decisions.LATE_REPORTS else ""
    return [
        f"The log holds {decision.log_size}, the broker {perhaps}{decision.broker_size}. Entries in "
        f"{decision.symbol} are denied until it is settled."
    ]


def _disputed(case: DecisionContext, decision: decisions.PnlDisputed) -> list[str]:
    event, limits = case.event, case.met.limits
    if not isinstance(event, PositionClosed | PositionMarked) or limits is None:
        return []
    held = case.met.positions.get(leg_of(event))
    value = limits.point_values.get(event.symbol)
    if held is None or value is None:
        return []
    first, second = (event.price, held.price) if event.side == "long" else (held.price, event.price)
    size = min(event.size, held.size) if isinstance(event, PositionClosed) else held.size
    fees = event.commission if isinstance(event, PositionClosed) else Decimal(0)
    less = f" - {shown(fees)} commission" if fees else ""
    return [
        f"({first:f} - {second:f}) x {shown(value)} a point x {size}{less} = {shown(decision.computed)}, "
        f"where {shown(decision.reported)} was reported. The lower counts."
    ]


def _stale(case: DecisionContext, decision: decisions.MarkStale) -> list[str]:
    limits = case.met.limits
    allowed = span(limits.mark_stale_ms) if limits else "nothing"
    last = time_text(case.exchange, case.at.ms - decision.age_ms)
    return [f"Last marked {last}; after {allowed} a mark counts as stale."]


# --- the calendar ---------------------------------------------------------------------------------------


def _new_day(case: DecisionContext, decision: decisions.TradingDayStarted) -> list[str]:
    if not decision.previous_day:
        return ["The first limits on the log say what a trading day is, and so begin one."]
    return [
        f"{decision.previous_day} ended {time_text(case.exchange, case.before.day.ends_ms)} "
        f"({case.exchange.zone}); this is the first event after that."
    ]
