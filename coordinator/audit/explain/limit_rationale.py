"""Why a limit of money was reached, and why it denies: its sentences of `rationale`."""

from portfold.coordinator.audit.explain.portfolio_rows import pnl_parts, time_text
from portfold.coordinator.audit.record.moment import Exchange
from portfold.coordinator.fold.closing.scoped import closed_for
from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits, Loosening
from portfold.coordinator.fold.rules.budget.at_stop import entry_at_stop, leg_at_stop
from portfold.coordinator.fold.rules.pace import rate, streaks
from portfold.coordinator.fold.rules.rule import Rule
from portfold.coordinator.fold.rules.table import BY_A_SCOPE, EXPOSURE, RULES
from portfold.coordinator.fold.state import Position, Reservation, State
from portfold.coordinator.fold.taken import contracts_counted, weighed
from portfold.coordinator.fold.windows.locked_out import Lockout
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.dollars import plain_count, shown, shown_price
from portfold.events.calendar import WindowOpened
from portfold.events.decisions import EntryAllowed, EntryDenied, LimitReached, StopLossApproaching
from portfold.exchange_time import span

_OF_EXPOSURE = {rule.code: rule.keys for rule in (*EXPOSURE, rate.RULE)}

_OF_PACE = (streaks.WHOLE.code, *(rule.code for rule in BY_A_SCOPE))
_LEGS_NAMED = 6


def asked(limits: Limits | None) -> list[str]:
    """Returns the rules that are asked, in their order: those that may be absent only where they are not."""
    if limits is None:
        return []
    chosen = (rule for rule in RULES if rule not in BY_A_SCOPE)
    chosen = (rule for rule in chosen if not _may_be_absent(rule) or getattr(limits, rule.keys[0]))
    return [rule.code for rule in chosen]


def _may_be_absent(rule: Rule) -> bool:
    return bool(rule.keys) and rule.keys[0] in RULES_THAT_MAY_BE_ABSENT


def asked_before(limits: Limits | None, code: str) -> list[str]:
    """Returns the rules that were asked before the one that objected."""
    order = asked(limits)
    return order[: order.index(code)] if code in order else []


def contracts(met: State, decision: EntryAllowed | EntryDenied) -> str:
    """Says what the contracts come to with those that were asked for, by weight where some have one."""
    limits = met.limits
    if limits is None:
        return ""
    used, more = contracts_counted(met, limits), weighed(limits, decision.symbol, decision.size)
    by_weight = f", by weight ({limits.contract_weights})" if limits.contract_weights else ""
    return (
        f"{plain_count(used)} contracts held or reserved + {plain_count(more)} asked = "
        f"{plain_count(used + more)} of {limits.max_contracts}{by_weight}."
    )


def approaching(after: PortfolioView, decision: StopLossApproaching) -> list[str]:
    """Says what the day's loss is made of, and how much of the limit that is."""
    lost = after.day.stop_from - decision.daily_pnl
    from_dollars = decision.limit * decision.percent / 100
    return [
        f"{pnl_parts(after)} = {shown(after.day.pnl)}",
        f"{shown(lost)} is lost; {decision.percent} % of {shown(decision.limit)} are {shown(from_dollars)}.",
    ]


def reached(after: PortfolioView, decision: LimitReached, then: str) -> list[str]:
    """Says how it is reckoned, by the row of its rule, and when it lifts: `then`, where it says a time."""
    rows = (row for row in after.rules if row.rule == decision.rule)
    whose = f"worker {decision.worker}" if decision.worker else ""
    reckoned = [f"Counted: {row.about}." for row in rows if row.of == whose]
    if decision.rule in _OF_PACE:
        return [_pace_counted(decision), _pace_lifts(decision, then)]
    if decision.worker:
        lifts = (
            f"No new day lifts it: portfold resume --worker {decision.worker} does, and counts from there."
        )
    elif decision.until:
        lifts = f"It stands until the first trading day from {decision.until} on, once nothing is open."
    else:
        lifts = "No new day lifts it: a resume does, and by force alone while it is still reached."
    return [*reckoned, lifts]


def _pace_counted(decision: LimitReached) -> str:
    if decision.rule == rate.REPEATS.code:
        return "Counted: denials by its rate in the trading day, since it was last let in; repeats are none."
    return (
        "Counted: trades of which nothing is left, each by all that was realized of it, net. One that made "
        "nothing neither counts nor ends the row; the count begins anew from here."
    )


def _pace_lifts(decision: LimitReached, then: str) -> str:
    whose = f" --worker {decision.worker}" if decision.worker else ""
    whose = f" --symbol {decision.symbol}" if decision.symbol else whose
    if decision.until_ms:
        force = "" if whose else " --force"
        return f"It lifts by itself at {then}; before, by portfold resume{whose}{force}."
    return f"No time and no new day lifts it: portfold resume{whose} does."


def doubted(limits: Limits | None, until: str) -> list[str]:
    """Says how far a mark may jump, and what becomes of one that nobody confirms."""
    jumps = limits.mark_jumps if limits is not None else ""
    return [
        f"Without a second one a mark may jump by so many points: {jumps}. By {until} a loss that nobody "
        "confirmed counts all the same, a profit does not."
    ]


def opened(decision: WindowOpened, until: str) -> list[str]:
    """Says until when it stands, and that it came late, where it did."""
    late = (
        [f"It began {span(decision.late_ms)} before this event, the first since."] if decision.late_ms else []
    )
    return [f"No resume lifts it; it is over at {until}.", *late]


def budget(met: State) -> str:
    """Says what each open leg and each slot would make at its stop, the worst first."""
    limits = met.limits
    if limits is None:
        return ""
    made = [(leg_at_stop(limits, held), _leg(held)) for held in met.positions.values()]
    made += [(entry_at_stop(limits, slot, slot.plan), _leg(slot)) for slot in met.reservations.values()]
    worst = sorted((dollars, leg) for dollars, leg in made if dollars is not None)
    if not worst:
        return "Nothing is open or reserved."
    named = ", ".join(f"{leg} {shown(dollars)}" for dollars, leg in worst[:_LEGS_NAMED])
    more = f", and {len(worst) - _LEGS_NAMED} more" if len(worst) > _LEGS_NAMED else ""
    return f"At their stops, with costs: {named}{more}. A stop that would keep a profit counts as nothing."


def _leg(one: Position | Reservation) -> str:
    plan, leg = one.plan, f"{one.symbol} {one.side} {one.size} of {one.worker}"
    if plan is None:
        return f"{leg} by default_risk"
    return f"{leg} at {shown_price(plan.stop)}" if plan.stop is not None else f"{leg} as it named"


def exposed(met: State, decision: EntryDenied) -> list[str]:
    """Says what the limit of an exposure is in full, and what it counts by; nothing for any other denial."""
    limits = met.limits
    if limits is None or decision.code not in _OF_EXPOSURE:
        return []
    counted_by = [*_OF_EXPOSURE[decision.code], "contract_weights"]
    in_full = [f"{name} {getattr(limits, name)}" for name in counted_by if name in limits.present]
    return [f"In force: {'; '.join(in_full)}."]


def latched(met: State, decision: EntryDenied) -> list[str]:
    """Says since when a limit that denies is latched, and until when; nothing for any other denial."""
    lock = met.locks.get(decision.code)
    if lock is None:
        return []
    until = f"It stands until {lock.until}" if lock.until else "Only a resume lifts it"
    if lock.until_ms:
        until = "It lifts by itself then"
    return [f"Latched at event {lock.since}. {until}."]


def scope_closed(met: State, decision: EntryDenied) -> str:
    """Says since when the scope is closed, and what opens it."""
    closed = closed_for(met, decision.symbol, decision.worker)
    if closed is None:
        return ""
    itself = "it opens by itself then, or " if closed.until_ms else ""
    return f"Closed since event {closed.since}, until {itself}somebody resumes {closed.scope}."


def waiting(day_ends: str) -> list[str]:
    """Says why what loosens does not count yet, and from when on it does."""
    return [
        "What could allow more than the limits in force counts from the next trading day, or at once where "
        "the order names a second person. What tightens of the order counts already.",
        f"The trading day {day_ends}.",
    ]


def waited(before: Loosening | None) -> list[str]:
    """Says since when it has waited."""
    return [f"It was ordered at event {before.since}, to count from {before.day}."] if before else []


def locked_out(lockout: Lockout | None, exchange: Exchange) -> str:
    """Says since when, and until when, everybody is locked out."""
    if lockout is None:
        return ""
    until = time_text(exchange, lockout.until_ms)
    return f"Locked out since event {lockout.since}, until {until}; nobody lifts it before."
