"""What must hold of the limits of money, looked at from the log and the money reckoned a second time.

What is reached is latched, from that event on, and nothing else is; while it stands it denies, and the first
in the order of the page answers; what flattens orders that; it lifts on its day or by a resume, a floor by a
resume alone, the week by none; a resume is forced where it has to be, and no more often than may be. The peak
is the highest equity that counted, and so no floor falls.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import takewhile

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State, reported_pnl
from portfold.dollars import ZERO
from portfold.events.account import CashMoved
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenOrdered,
    LimitReached,
    LooseningEnded,
    PortfolioFlat,
    TradingDayStarted,
)
from portfold.events.incoming import (
    Event,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    TradingResumed,
    WorkerStarted,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from tests.simulation.laws.account_law import AccountLaw
from tests.simulation.laws.money import COUNT_ANEW, FLOORS, LONG, Dollars, Due, Money
from tests.simulation.laws.together_law import TogetherLaw
from tests.simulation.scheduler import Violation

_IN_ORDER = (
    *FLOORS,
    "weekly_loss",
    "rolling_loss",
    "loss_tiers",
    "profit_target",
    "profit_lock_at",
    "consistency_percent",
    "weekly_profit",
)
_FILLS = (PositionOpened, PositionClosed, PositionSettled, WorkerStarted)
_NO_LOSS = Decimal("Infinity")
_LATCHED = "what is reached is latched, and nothing else"
_LIFTS = "what is latched lifts on its day or by a resume, and a floor by a resume alone"


def _doubted(state: State, limits: Limits) -> list[tuple[int, Decimal]]:
    waits_ms = limits.mark_confirm_seconds * 1000
    found = ((held.doubt, held.unrealized) for held in state.positions.values())
    return [(one.since_ms + waits_ms, min(ZERO, one.unrealized - open_)) for one, open_ in found if one]


class MoneyLaw:
    """Follows what is latched. `lifted` are the rules that a forced resume has lifted for the day."""

    def __init__(self, account: AccountLaw, together: TogetherLaw) -> None:
        self._account, self._together = account, together
        self._money = Money()
        self._latched: dict[str, Due] = {}
        self._lifted: set[str] = set()
        self._forced = 0
        self._stopped = self._flat = False
        self._in_doubt = True
        self._due_before: dict[str, Due] = {}
        self._dollars_before: Dollars | None = None
        self._pnl_before = ZERO, ZERO
        """The day's by the log, and by the account where that counts."""
        self.equities_between: tuple[Decimal, Decimal] | None = None
        """As `equities`, where marks that waited counted before what the latest event says; else None."""
        self._limits: Limits | None = None
        self._loosens: Limits | None = None
        self._doubted: list[tuple[int, Decimal]] = []
        """Until when each loss that is doubted waits, and how much worse it makes what is open."""

    def enter(self, at: StreamId, event: Event | Malformed, decisions: list[Decision], state: State) -> None:
        """Takes note of one event and what was decided on it. Raises Violation."""
        limits, money = state.limits, self._money
        days = [one for one in decisions if isinstance(one, TradingDayStarted)]
        marks_reached = self._marks_count_first(at, decisions)
        money.time_passes(at.ms, days)
        if days:
            self._lifted, self._forced = set(), 0
        if limits is None:
            return
        refused = any(isinstance(one, EventRejected) for one in decisions)
        flat = not state.positions and (not limits.account or state.flatten is None)
        became_flat = not state.positions and any(isinstance(one, PortfolioFlat) for one in decisions)
        before, dollars = dict(self._latched), self._dollars(state, limits)
        doubts_over = self._doubts_are_over(at, limits) if not days else {}
        self._days_lift(state, was_flat=self._flat or flat or became_flat)
        anew = isinstance(event, LimitsChanged) and bool(event.second)
        at_roll: Mapping[str, Due] = {}
        if days:  # what waited counts before what is said
            fell_due = any(isinstance(one, LooseningEnded) and one.counts for one in decisions)
            rolled = (self._loosens if fell_due else self._limits) or limits
            then = self._at_roll(limits, dollars)
            money.limits_change(at.ms, rolled, then, anew=False)
            money.stands(rolled, then)
            at_roll = money.due
        then = then if days else self._at_order(at, event, dollars)
        money.limits_change(at.ms, limits, then, anew=anew)
        if isinstance(event, CashMoved) and not refused:
            money.paid(event.amount)
        elif isinstance(event, TradingResumed) and event.scope is None and not refused:
            self._stopped = self._stopped and not (days and self._flat)  # the day lifts the stop, if flat
            self._resumes(at, event, limits, dollars, at_roll if days else self._due_before)
        between = self._before_it_agrees(event, limits, dollars, state)
        money.stands(limits, dollars)
        knowns: tuple[Mapping[str, Due], ...] = (
            *(money.due, self._due_before, between),
            *(at_roll, doubts_over),
        )
        for one in decisions:
            if isinstance(one, LimitReached) and one.rule in _IN_ORDER and one not in marks_reached:
                self._reached(at, one, decisions, knowns)
        self._same_latches(at, state, before)
        self._all_are_latched(at)
        self._same_peak(at, state)
        self._answers(at, decisions)
        self._stopped, self._flat, self._due_before = state.stop is not None, flat, money.due
        self._in_doubt = dollars.account is None
        self._dollars_before, self._doubted = dollars, _doubted(state, limits)
        self._pnl_before = reported_pnl(state), self._account.worse_of(_NO_LOSS, limits)
        self._limits = limits
        self._loosens = state.loosening.limits if state.loosening is not None else None

    def equities(self) -> tuple[Decimal, Decimal] | None:
        """The equity after the latest event, and by the log alone; None where none is counted."""
        purse, dollars = self._money.purse, self._money.dollars
        if purse is None:
            return None
        alone = dollars._replace(account=None)
        return purse.equity(dollars, realized=False), purse.equity(alone, realized=False)

    @property
    def made_today(self) -> Decimal:
        """The day's P&L after the latest event."""
        return self._money.dollars.day

    def closing(self, limits: Limits) -> dict[str, tuple[Decimal, Decimal]]:
        """Each limit that closes everything, and what there is beside what is open; in dollars."""
        found = self._money.closing(limits)
        return {rule: each for rule, each in found.items() if rule not in self._lifted}

    def _marks_count_first(self, at: StreamId, decisions: list[Decision]) -> list[LimitReached]:
        """Has the marks that waited count before what is said now, as if that were an event of its own;
        returns which limits they came to.
        """
        more = sum(self._together.counted_first.values(), ZERO)
        before, limits = self._dollars_before, self._limits
        self.equities_between = None
        if not more or before is None or limits is None:
            return []
        self._money.time_passes(at.ms, [])
        by_log, by_account = self._pnl_before
        day = min(by_log + (more if limits.stop_loss_on == "total" else ZERO), by_account)
        self._dollars_before = before._replace(
            open=before.open + more, day=day, open_today=before.open_today + more
        )
        self._money.stands(limits, self._dollars_before)
        self.equities_between = self.equities()
        self._due_before = due = self._money.due
        found = []
        for one in takewhile(lambda one: not isinstance(one, TradingDayStarted), decisions):
            if isinstance(one, LimitReached) and one.rule in due and one.until == due[one.rule].until:
                self._reached(at, one, decisions, (due,))
                found.append(one)
        return found

    def _doubts_are_over(self, at: StreamId, limits: Limits) -> Mapping[str, Due]:
        """What the money comes to where losses have waited for as long as they may, before what is said now:
        that may close the very position.
        """
        more, before = self._lost_in_doubt(at), self._dollars_before
        if not more or before is None:
            return {}
        day = before.day + more if limits.stop_loss_on == "total" else before.day
        self._money.stands(limits, before._replace(open=before.open + more, day=day))
        return self._money.due

    def _lost_in_doubt(self, at: StreamId) -> Decimal:
        return sum((lost for until_ms, lost in self._doubted if at.ms >= until_ms), ZERO)

    def _at_roll(self, limits: Limits, dollars: Dollars) -> Dollars:
        """The money with which the day began, before what is said now was folded."""
        day, account = self._account.at_roll if limits.account else (ZERO, None)
        return (self._dollars_before or dollars)._replace(day=day, stop_from=ZERO, account=account)

    def _at_order(self, at: StreamId, event: Event | Malformed, dollars: Dollars) -> Dollars:
        """The money at which limits change: a mark that they have count does so only after that."""
        before = self._dollars_before
        waited = self._doubted or self._together.waited
        if before is None or not waited or not isinstance(event, LimitsChanged):
            return dollars
        return dollars._replace(day=before.day + self._lost_in_doubt(at))

    def _dollars(self, state: State, limits: Limits) -> Dollars:
        opened = sum((held.unrealized for held in state.positions.values()), ZERO)
        today = sum((held.unrealized - held.carried for held in state.positions.values()), ZERO)
        day = self._account.worse_of(reported_pnl(state), limits)
        counts = self._account.equity_that_counts
        return Dollars(state.net, opened, day, state.day.stop_from, counts, today)

    def _before_it_agrees(
        self, event: Event | Malformed, limits: Limits, dollars: Dollars, state: State
    ) -> Mapping[str, Due]:
        """What the log's figures alone come to, where a fill has arrived that the account knew already: until
        then it was in doubt, and its figures counted for nothing.
        """
        if self._in_doubt and dollars.account is not None and isinstance(event, _FILLS):
            self._money.stands(limits, dollars._replace(day=reported_pnl(state), account=None))
            return self._money.due
        return {}

    # --- latching ------------------------------------------------------------------------------------------

    def _reached(
        self, at: StreamId, one: LimitReached, decisions: list[Decision], knowns: Sequence[Mapping[str, Due]]
    ) -> None:
        """It was due, before the event or after it, with these figures; and what flattens does."""
        due = [known[one.rule] for known in knowns if one.rule in known]
        figures = [(each.action, each.limit, each.until) for each in due]
        if (one.action, one.limit, one.until) not in figures:
            raise Violation(_LATCHED, f"{at}: {one}, where it is {figures}")
        if one.action == "flatten" and not any(isinstance(each, FlattenOrdered) for each in decisions):
            raise Violation("a limit that flattens orders it", f"{at}: {one}")
        new, known = due[figures.index((one.action, one.limit, one.until))], self._latched.get(one.rule)
        if known is None or known.until != new.until or known.severity < new.severity:
            self._latched[one.rule] = new
        if one.rule == "rolling_loss":
            self._money.paused_on = self._money.today

    def _all_are_latched(self, at: StreamId) -> None:
        for rule, due in self._money.due.items():
            known = self._latched.get(rule)
            waits = known is not None and bool(known.until) and known.until <= self._money.today
            if rule in self._lifted or waits:
                continue
            stands = known is not None and (rule != "loss_tiers" or known.severity >= due.severity)
            if not stands:
                raise Violation(_LATCHED, f"{at}: {rule} has come to {due}, latched is {known}")

    def _days_lift(self, state: State, *, was_flat: bool) -> None:
        """What flattens only once the book is flat."""
        for rule, due in list(self._latched.items()):
            over = bool(due.until) and due.until <= self._money.today
            if over and rule not in state.locks and (due.action != "flatten" or was_flat):
                del self._latched[rule]

    def _same_latches(self, at: StreamId, state: State, before: dict[str, Due]) -> None:
        there = {
            rule: (lock.action, lock.until, lock.size)
            for rule, lock in state.locks.items()
            if rule in _IN_ORDER
        }
        here = {rule: (due.action, due.until, due.size) for rule, due in self._latched.items()}
        if there != here:
            raise Violation(_LIFTS, f"{at}: {there}, not {here}; before it was {before}")
        for rule, due in self._latched.items():
            stays = due.action == "flatten" and not self._flat
            if due.until and due.until <= self._money.today and not stays and self._was_over(before, rule):
                raise Violation(_LIFTS, f"{at}: {rule} stands, which was to lift on {due.until}")

    def _was_over(self, before: dict[str, Due], rule: str) -> bool:
        return rule in before and before[rule] == self._latched[rule]

    def _same_peak(self, at: StreamId, state: State) -> None:
        purse, capital = self._money.purse, state.capital
        here = (purse.peak, purse.forced) if purse is not None else None
        there = (capital.peak, capital.forced) if capital is not None else None
        if here != there:
            raise Violation(
                "the peak is the highest equity that counted, and never falls", f"{at}: {there}, not {here}"
            )

    # --- resumes -------------------------------------------------------------------------------------------

    def _resumes(
        self,
        at: StreamId,
        event: TradingResumed,
        limits: Limits,
        dollars: Dollars,
        due: Mapping[str, Due],
    ) -> None:
        """A resume was taken: what it lifts, and whether it might, as so much was `due` before it."""
        denying = [rule for rule, due in self._latched.items() if due.action != "tell" and rule not in LONG]
        by_force = [rule for rule in denying if self._latched[rule].until or rule in due]
        if by_force and not event.force:
            raise Violation("what is for the day, and a floor still reached, is lifted by force", f"{at}")
        if event.force and (by_force or self._stopped):
            self._forced += 1
            most = limits.max_forced_resumes
            if most and self._forced > int(most):
                raise Violation("no more resumes are forced a day than may be", f"{at}: {self._forced}")
        for rule in denying:
            until = self._latched.pop(rule).until
            if rule not in by_force:
                continue
            if not until:
                self._money.floor_gives_way(rule, limits, dollars)
            elif rule in COUNT_ANEW:
                self._money.profit_counts_anew(dollars)
            else:
                self._lifted.add(rule)

    # --- answers -------------------------------------------------------------------------------------------

    def _answers(self, at: StreamId, decisions: list[Decision]) -> None:
        """Nobody enters while a limit stands that denies it; the first of them answers, and no other."""
        for one in decisions:
            if not isinstance(one, EntryAllowed | EntryDenied) or one.repeats:
                continue
            first = next((rule for rule in _IN_ORDER if self._denies(rule, one.size)), None)
            if isinstance(one, EntryAllowed) and first is not None:
                raise Violation("no entry while a limit of money stands", f"{at}: {first}, {one}")
            if isinstance(one, EntryDenied) and one.code != "stopped_out":
                right = one.code == first if first is not None else one.code not in _IN_ORDER
                if not right:
                    raise Violation("the first limit that stands answers", f"{at}: {first}, and not {one}")

    def _denies(self, rule: str, size: int) -> bool:
        due = self._latched.get(rule)
        if due is None or due.action == "tell":
            return False
        return due.action != "above" or size > due.size
