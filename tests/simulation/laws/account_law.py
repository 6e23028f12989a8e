"""The account compared with the log a second time, from reports and positions, by none of the fold's code.

What differs for longer than the grace is told, and nothing else is; while it stands it denies; an older
report changes nothing, nor do dollars from before the log last realized something; silence is told; flat
means that the account said so after the last close; of two figures the worse stops the day; what nobody owns
joins the book when all is flattened, and no more of it.
"""

from collections.abc import Mapping
from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State, reported_pnl
from portfold.dollars import ZERO
from portfold.events.account import (
    ACCOUNT,
    EQUITY,
    AccountAgrees,
    AccountDiffers,
    AccountHeard,
    AccountReported,
    AccountSettled,
    AccountSilent,
    CashMoved,
)
from portfold.events.calendar import WindowOpened
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EventRejected,
    FlattenOrdered,
    PortfolioFlat,
    TradingDayStarted,
    refusal,
)
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    WorkerStarted,
)
from portfold.events.legs import parse_holdings
from portfold.events.stream_id import StreamId
from tests.simulation.laws import to_be_flat
from tests.simulation.laws.account_dollars import AccountDollars
from tests.simulation.laws.exposure.numbers import symbols_of_group
from tests.simulation.laws.log_said import NOTHING, Leg, differing_in, log_of
from tests.simulation.laws.to_be_flat import ToBeFlat, catches_all, net_of, taken_over, takes_everything
from tests.simulation.scheduler import Violation

_COMPARES = (AccountReported, AccountSettled, CashMoved)


class AccountLaw:
    """Follows reports and decisions. `stands` are the subjects on which, as was told, they differ."""

    def __init__(self) -> None:
        self.stands: set[str] = set()
        self.report: AccountReported | None = None
        self._since: dict[str, int] = {}
        self._apart: dict[str, tuple[int, int]] = {}
        """By symbol how many contracts they are apart, and since which report no fewer."""
        self._watched = ""
        self._heard_ms = 0
        self._silent = False
        self._dollars = AccountDollars()
        self._day_ends_ms = 0
        self._log = NOTHING
        self._left: set[str] = set()
        self._closed_ms = self._moved_ms = 0
        self._flattening = False
        self._to_be_flat = ToBeFlat()
        self.at_roll: tuple[Decimal, tuple[Decimal, Decimal] | None] = (ZERO, None)
        """The day's figure, and the equity, with which the trading day began, before the event was folded."""

    def enter(self, at: StreamId, event: Event | Malformed, decisions: list[Decision], state: State) -> None:
        """Takes note of one event and what was decided on it. Raises Violation."""
        limits, ended_ms = state.limits, self._day_ends_ms
        self._day_ends_ms = state.day.ends_ms
        if limits is None or not limits.account:
            return
        if limits.account != self._watched:
            self._watched, self._heard_ms = limits.account, at.ms
        moves = isinstance(event, PositionOpened | PositionClosed | PositionSettled | WorkerStarted)
        self._moved_ms = at.ms if moves else self._moved_ms
        self._silence(at, limits, decisions)
        if any(isinstance(one, TradingDayStarted) and one.previous_day for one in decisions):
            if self.report is not None:
                self._dollars.day_begins(ended_ms, self._log)
            self._log = self._log._replace(pnl=reported_pnl(state))
            self.at_roll = self.worse_of(self._log.pnl, limits), self.equity_that_counts
        rest = self._window_takes(at, decisions, state, limits) if isinstance(event, _COMPARES) else decisions
        if isinstance(event, AccountReported):
            self._reported(at, event, decisions, limits)
        elif isinstance(event, AccountSettled):
            self._settled(decisions)
        elif isinstance(event, CashMoved) and self.report is not None:
            self._paid(event, self.report, decisions, limits)
        else:
            _told("differs", set(), {one.subject for one in decisions if isinstance(one, AccountDiffers)})
        self._granted(decisions, limits)
        self._flat(at, event, decisions, state)
        self._log = log_of(state)
        if moves and self.report is not None:  # a fill that was on its way has arrived
            differing = self._found(self.report, limits) | self.stands
            self._since = {subject: ms for subject, ms in self._since.items() if subject in differing}
            self._apart = {symbol: one for symbol, one in self._apart.items() if symbol in differing}
        self._handed_over(at, event, rest, state, limits)
        self._stops(state, limits)

    def differing(self, report: AccountReported, limits: Limits) -> set[str]:
        """The subjects on which this report would differ from the log."""
        return differing_in(report, self._log, self._dollars.base, limits)

    def worse_of(self, pnl: Decimal, limits: Limits) -> Decimal:
        """Of the log's P&L of the day and the account's the worse; within a grace the log's alone."""
        return self._dollars.worse_of(pnl, limits) if self._counts else pnl

    @property
    def behind(self) -> bool:
        """Whether the latest dollars may be from before the log last realized something."""
        return self._dollars.behind

    @property
    def equity_that_counts(self) -> tuple[Decimal, Decimal] | None:
        """With what is open and without, where the account's figures count."""
        return (self._dollars.equity, self._dollars.balance) if self._counts else None

    @property
    def _as_of_ms(self) -> int:
        return self.report.as_of_ms if self.report is not None else 0

    @property
    def _counts(self) -> bool:
        sure = EQUITY in self.stands if EQUITY in self._since else not self.behind
        return self.report is not None and sure

    # --- the report ----------------------------------------------------------------------------------------

    def _reported(
        self, at: StreamId, event: AccountReported, decisions: list[Decision], limits: Limits
    ) -> None:
        before = self.report
        older = before is not None and event.as_of_ms <= before.as_of_ms
        later = event.as_of_ms > at.ms or event.equity_as_of_ms > event.as_of_ms
        refused = event.account != self._watched or later or older
        if refused != any(isinstance(one, EventRejected) for one in decisions):
            raise Violation("a report counts where it is the latest", f"{at}: {event}, after {before}")
        if refused:
            return
        self._dollars.reported(at, event, self._log, first=before is None)
        self.report = event
        heard = [one for one in decisions if isinstance(one, AccountHeard)]
        if len(heard) != self._silent:
            raise Violation("who is heard again is told once", f"{at}: {heard}")
        self._silent, self._heard_ms = False, at.ms
        self._compare(event, decisions, limits)

    def _found(self, report: AccountReported, limits: Limits) -> set[str]:
        """The subjects on which they differ now; dollars that are behind say nothing new of the equity."""
        found = self.differing(report, limits)
        return found - {EQUITY} | self.stands & {EQUITY} if self.behind else found

    def _compare(self, event: AccountReported, decisions: list[Decision], limits: Limits) -> None:
        differing = self._found(event, limits)
        _told(
            "agrees",
            self.stands - differing,
            {one.subject for one in decisions if isinstance(one, AccountAgrees)},
        )
        self._since = {subject: self._since.get(subject, event.as_of_ms) for subject in differing}
        self._apart = {subject: self._apart_now(event, subject) for subject in differing if subject != EQUITY}
        lasting = {
            subject for subject, ms in self._since.items() if event.as_of_ms - ms >= limits.account_grace_ms
        }
        self.stands &= differing
        _told(
            "differs",
            lasting - self.stands,
            {one.subject for one in decisions if isinstance(one, AccountDiffers)},
        )
        self.stands |= lasting

    def _apart_now(self, report: AccountReported, symbol: str) -> tuple[int, int]:
        before, since_ms = self._apart.get(symbol, (0, 0))
        apart = net_of(report).get(symbol, 0) - self._log.net().get(symbol, 0)
        more = apart * before <= 0 or abs(apart) > abs(before)
        return apart, report.as_of_ms if more else since_ms

    def _settled(self, decisions: list[Decision]) -> None:
        agrees = {one.subject for one in decisions if isinstance(one, AccountAgrees)}
        _told("agrees", self.stands & {EQUITY} if self.report is not None else set(), agrees)
        if self.report is not None:
            self._dollars.settled()
            self._since.pop(EQUITY, None)
            self.stands.discard(EQUITY)

    def _paid(
        self, event: CashMoved, report: AccountReported, decisions: list[Decision], limits: Limits
    ) -> None:
        """So much more or less is expected, and no profit or loss of the day."""
        self._dollars.paid(event.amount)
        self._compare(report, decisions, limits)

    def _silence(self, at: StreamId, limits: Limits, decisions: list[Decision]) -> None:
        told = [one for one in decisions if isinstance(one, AccountSilent)]
        due = not self._silent and at.ms >= self._heard_ms + limits.account_silent_ms
        if len(told) != due:
            raise Violation("silence of the account is told once", f"{at}: {told}, heard {self._heard_ms}")
        self._silent = self._silent or due

    # --- what follows from it ------------------------------------------------------------------------------

    def _granted(self, decisions: list[Decision], limits: Limits) -> None:
        for one in decisions:
            if not isinstance(one, EntryAllowed) or one.repeats:
                continue
            if self.stands & {one.symbol, EQUITY}:
                raise Violation("no entry where the account differs", f"{one}, {self.stands}")
            if limits.account_silence_denies and (self._silent or self.report is None):
                raise Violation("no entry while the account is silent", f"{one}")

    def _flat(self, at: StreamId, event: Event | Malformed, decisions: list[Decision], state: State) -> None:
        """Flat is what an account said that was asked after the last close, or a person."""
        closed = self._left - set(state.flatten.left if state.flatten is not None else ())
        begun = state.flatten is not None and not self._flattening
        if closed or begun:
            self._closed_ms = at.ms
        self._to_be_flat.note(event, [], state)
        for one in decisions:
            if isinstance(one, PortfolioFlat):
                if not isinstance(event, AccountSettled):
                    self._is_flat(at, state)
                self._to_be_flat = ToBeFlat()  # another may begin in the same breath
            self._to_be_flat.note(event, [one], state)
        self._left = set(state.flatten.left) if state.flatten is not None else set()
        self._flattening = state.flatten is not None
        if not self._flattening:
            self._to_be_flat = ToBeFlat()

    def _is_flat(self, at: StreamId, state: State) -> None:
        said, there = self.report, self._flattening
        fresh = said is not None and said.as_of_ms > self._closed_ms
        if not there or said is None or not fresh or self._to_be_flat.is_not(said, state):
            raise Violation("flat is what the account says after the last close", f"{at}: {said}")

    def _handed_over(
        self, at: StreamId, event: Event | Malformed, decisions: list[Decision], state: State, limits: Limits
    ) -> None:
        """What nobody owns joins the book when everything is flattened; never more than the account holds."""
        taken = taken_over(decisions)
        everything, within = any(map(takes_everything, decisions)), set[str]()
        if isinstance(event, FlattenRequested) and not refusal(decisions):
            everything = everything or event.scope is None
            within = {event.symbol, *symbols_of_group(limits.groups, event.group)}
        within |= to_be_flat.symbols_closed_by(decisions)
        if event is self.report and self._flattening:
            everything = everything or catches_all(state)
            within |= to_be_flat.in_symbols(state, limits)
        fresh = self.report is not None and self.report.as_of_ms > self._moved_ms
        expected = self._unowned(taken, limits, state) if (everything or within) and fresh else {}
        if not everything:
            expected = {symbol: size for symbol, size in expected.items() if symbol in within}
        if taken != expected:
            raise Violation("what nobody owns is handed over, and no more", f"{at}: {taken}, not {expected}")
        if taken:
            self._moved_ms = at.ms

    def _window_takes(
        self, at: StreamId, decisions: list[Decision], state: State, limits: Limits
    ) -> list[Decision]:
        """What a window that flattens hands over before the event itself; returns what else is decided."""
        orders = (index for index, one in enumerate(decisions) if isinstance(one, FlattenOrdered))
        until = next(orders, 0)
        opened = decisions[:until]
        if not any(isinstance(one, WindowOpened) and one.action == "flatten" for one in opened):
            return decisions
        taken = taken_over(opened)
        fresh = self.report is not None and self.report.as_of_ms > self._moved_ms
        expected = to_be_flat.joining(self._unowned({}, limits, state), opened) if fresh else {}
        if taken != expected:
            raise Violation("what nobody owns is handed over, and no more", f"{at}: {taken}, not {expected}")
        held = parse_holdings(self.report.positions) if taken and self.report is not None else ()
        prices = {one.symbol: one.price for one in held}
        legs = [Leg(symbol, size, prices[symbol], ACCOUNT) for symbol, size in taken.items()]
        self._log = self._log._replace(legs=(*self._log.legs, *legs))
        self._moved_ms = at.ms if taken else self._moved_ms
        return decisions[until:]

    def _unowned(self, taken: Mapping[str, int], limits: Limits, state: State) -> dict[str, int]:
        """By symbol what the account holds beyond all that the log had, or may get, on its side before."""
        there = net_of(self.report) if self.report is not None else {}
        found: dict[str, int] = {}
        for symbol in self.stands & there.keys():
            legs = [leg.signed for leg in self._log.legs if leg.symbol == symbol]
            same_side = sum(signed for signed in legs if signed * there[symbol] > 0)
            slots = [one for one in state.reservations.values() if one.symbol == symbol and not one.kept]
            coming = (one.size if one.side == "long" else -one.size for one in slots)
            same_side += sum(signed for signed in coming if signed * there[symbol] > 0)
            beyond = there[symbol] - same_side + taken.get(symbol, 0)
            lasts = self._as_of_ms - self._apart.get(symbol, (0, 0))[1] >= limits.account_grace_ms
            if beyond * there[symbol] > 0 and lasts:
                found[symbol] = beyond
        return found

    # --- the day -------------------------------------------------------------------------------------------

    def _stops(self, state: State, limits: Limits) -> None:
        figure = self.worse_of(self._log.pnl, limits)
        if state.day.stop_from - figure >= limits.daily_stop_loss and state.stop is None:
            raise Violation("the worse figure stops the day", f"{figure}, log {self._log.pnl}")


def _told(what: str, expected: set[str], told: set[str]) -> None:
    if expected != told:
        raise Violation(
            "what differs for longer than the grace is told, and nothing else",
            f"{what}: told of {sorted(told)}, not of {sorted(expected)}",
        )
