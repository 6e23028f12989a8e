"""The money reckoned a second time: equity, peak, floors, the day, the week, and what limits they come to.

From the log's dollars after each event, and by none of the fold's code but its calendar, which has tests of
its own.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.dollars import CENT, ZERO
from portfold.events.decisions import TradingDayStarted

FLOORS = ("equity_floor", "trailing_drawdown")
FOR_THE_WEEK = ("weekly_loss", "weekly_profit")
LONG = (*FOR_THE_WEEK, "rolling_loss")
"""What no resume lifts."""
COUNT_ANEW = ("profit_target", "profit_lock_at")
"""What counts from a forced resume on."""
_NEW_PROFIT = (*COUNT_ANEW, "profit_lock_floor", "profit_lock_trail", "profit_from_now")
ACTIONS = ("tell", "above", "deny", "flatten")
"""From the mildest on."""


class Dollars(NamedTuple):
    """The log's after an event: realized since it began, open, and of the day; the day's stop counts from
    `stop_from`. `account` is its equity, with what is open and without, where that counts. `open_today` is
    what of the day is open.
    """

    realized: Decimal
    open: Decimal
    day: Decimal
    stop_from: Decimal
    account: tuple[Decimal, Decimal] | None = None
    open_today: Decimal = ZERO


class Due(NamedTuple):
    """What follows from a limit that is reached: until which day, empty where a resume alone lifts it; of
    `above` the largest entry that is still allowed.
    """

    action: str
    limit: Decimal
    until: str
    size: int = 0

    @property
    def severity(self) -> tuple[int, int]:
        return ACTIONS.index(self.action), -self.size


class Purse:
    """The equity from where it counts. `peak` is the highest that counted; `forced` is the equity at which a
    resume below a floor was forced.
    """

    def __init__(self, limits: Limits, realized: Decimal) -> None:
        self.start, self.named_peak = limits.start_balance, limits.start_peak
        self.peak = max(self.start, self.named_peak)
        self.cash = ZERO
        self.forced: dict[str, Decimal] = {}
        self._from = realized

    def equity(self, dollars: Dollars, *, realized: bool) -> Decimal:
        """The log's, or the account's where that is worse and counts."""
        made = self.start + self.cash + dollars.realized - self._from
        made = made if realized else made + dollars.open
        return made if dollars.account is None else min(made, dollars.account[realized])

    def floor(self, rule: str, limits: Limits) -> Decimal:
        """The real one, whatever was forced."""
        if rule == "equity_floor":
            return limits.equity_floor
        below = self.peak - limits.trailing_drawdown
        return min(below, limits.trailing_locks_at or below)


class Money:
    """Follows the log. `due` is what its limits come to after the latest event."""

    def __init__(self) -> None:
        self.purse: Purse | None = None
        self.today = ""
        self.dollars = Dollars(ZERO, ZERO, ZERO, ZERO)
        self.paused_on = ""
        self.due: dict[str, Due] = {}
        self._past: list[tuple[str, Decimal]] = []
        self._profit_from = ZERO
        self._best: Decimal | None = None
        self._closes_ms = 0
        self._limits: Limits | None = None

    # --- what happens --------------------------------------------------------------------------------------

    def time_passes(self, ms: int, days: list[TradingDayStarted]) -> None:
        """The firm's own day closes with what was known before the event; then the exchange's."""
        if self.purse is not None and self._limits is not None and 0 < self._closes_ms <= ms:
            self._raise_peak(self.purse, self._limits)
            self._closes_ms = _next_close(self._limits, ms)
        for began in days:
            if began.previous_day:
                self._past.append((began.previous_day, began.daily_pnl))
            self.today, self._profit_from, self._best = began.day, ZERO, None

    def limits_change(self, ms: int, limits: Limits, dollars: Dollars, *, anew: bool) -> None:
        """Others are in force from here on. `anew`: profit may count from here though it counted before."""
        before, self._limits = self._limits, limits
        if before is limits:
            return
        purse = self.purse
        if not limits.start_balance:
            self.purse = None
        elif purse is None or purse.start != limits.start_balance:
            self.purse = Purse(limits, dollars.realized)
        elif purse.named_peak != limits.start_peak:
            purse.named_peak, purse.peak = limits.start_peak, max(limits.start_peak, limits.start_balance)
        self._closes_ms = _next_close(limits, ms) if self.purse is not None else 0
        new = before is None or any(getattr(before, name) != getattr(limits, name) for name in _NEW_PROFIT)
        counted = before is not None and any(getattr(before, name) for name in COUNT_ANEW)
        if limits.profit_from_now and new and (anew or not counted):
            self.profit_counts_anew(dollars)

    def paid(self, amount: Decimal) -> None:
        """In or out: what is paid in leaves the floor as far off, and what is out brings it nearer."""
        if self.purse is not None:
            into = max(amount, ZERO)
            self.purse.cash += amount
            self.purse.peak += into
            self.purse.forced = {rule: equity + into for rule, equity in self.purse.forced.items()}

    def profit_counts_anew(self, dollars: Dollars) -> None:
        self._profit_from, self._best = dollars.day, None

    def floor_gives_way(self, rule: str, limits: Limits, dollars: Dollars) -> None:
        """A resume below it was forced."""
        if self.purse is not None:
            self.purse.forced[rule] = self.equity(self.purse, rule, limits, dollars)

    def stands(self, limits: Limits, dollars: Dollars) -> None:
        """All of an event is done: so much is there now."""
        self.dollars, purse = dollars, self.purse
        if purse is not None:
            if not limits.trailing_at:
                self._raise_peak(purse, limits)
            for rule in list(purse.forced):
                above = self.equity(purse, rule, limits, dollars) > purse.floor(rule, limits)
                if above or not getattr(limits, rule):
                    del purse.forced[rule]
        if limits.profit_lock_at:
            profit = self._profit
            if self._best is not None or profit >= limits.profit_lock_at:
                self._best = profit if self._best is None else max(self._best, profit)
        self.due = self._comes_to(limits)

    def _raise_peak(self, purse: Purse, limits: Limits) -> None:
        now = purse.equity(self.dollars, realized=limits.trailing_on_realized)
        purse.peak = max(purse.peak, now)

    # --- what it comes to ----------------------------------------------------------------------------------

    def equity(self, purse: Purse, rule: str, limits: Limits, dollars: Dollars) -> Decimal:
        """As that floor counts it."""
        realized = rule == "trailing_drawdown" and limits.trailing_on_realized
        return purse.equity(dollars, realized=realized)

    @property
    def _profit(self) -> Decimal:
        return self.dollars.day - self._profit_from

    def _comes_to(self, limits: Limits) -> dict[str, Due]:
        if not self.today:
            return {}
        each: dict[str, Callable[[Limits], Due | None]] = {
            "weekly_loss": self._weekly_loss,
            "rolling_loss": self._rolling,
            "loss_tiers": self._tiers,
            "profit_target": self._target,
            "profit_lock_at": self._lock,
            "consistency_percent": self._consistency,
            "weekly_profit": self._weekly_profit,
        }
        found = {rule: self._below(rule, limits) for rule in FLOORS}
        found |= {rule: comes_to(limits) for rule, comes_to in each.items()}
        return {rule: due for rule, due in found.items() if due is not None and getattr(limits, rule)}

    def _below(self, rule: str, limits: Limits) -> Due | None:
        purse = self.purse
        if purse is None:
            return None
        floor = self._floor_now(purse, rule, limits)
        reached = self.equity(purse, rule, limits, self.dollars) <= floor
        return Due("flatten", floor, "") if reached else None

    def closing(self, limits: Limits) -> dict[str, tuple[Decimal, Decimal]]:
        """Each limit that closes everything: where it is, and what there is beside what is open.

        Of the day, but for the floors. What the account is short of counts as made.
        """
        dollars, purse = self.dollars, self.purse
        made = dollars.day - dollars.open_today
        found = {"daily_stop_loss": (dollars.stop_from - limits.daily_stop_loss, made)}
        tiers = [_tier(word, limits.daily_stop_loss, self._tomorrow) for word in limits.loss_tiers.split()]
        closing = [tier for tier in tiers if tier.action == "flatten"]
        if closing:
            found["loss_tiers"] = (dollars.stop_from + closing[0].limit, made)
        if limits.weekly_loss:
            found["weekly_loss"] = (-limits.weekly_loss - (self._week - dollars.day), made)
        if limits.profit_lock_at and self._best is not None and _of_profit(limits) == "flatten":
            trails = self._best - limits.profit_lock_trail if limits.profit_lock_trail else ZERO
            found["profit_lock_at"] = (self._profit_from + max(limits.profit_lock_floor, trails), made)
        for rule in FLOORS if purse is not None else ():
            if purse is not None and getattr(limits, rule):
                found[rule] = (self._floor_now(purse, rule, limits), self._without_open(purse, rule, limits))
        return found

    def _floor_now(self, purse: Purse, rule: str, limits: Limits) -> Decimal:
        floor = purse.floor(rule, limits)
        if rule in purse.forced:
            return min(floor, purse.forced[rule] - limits.daily_stop_loss)
        return floor

    def _without_open(self, purse: Purse, rule: str, limits: Limits) -> Decimal:
        """The log's realized equity, and what the account is short of."""
        realized = rule == "trailing_drawdown" and limits.trailing_on_realized
        alone = self.dollars._replace(account=None)
        short = purse.equity(self.dollars, realized=realized) - purse.equity(alone, realized=realized)
        return purse.equity(alone, realized=True) + short

    def _target(self, limits: Limits) -> Due | None:
        return self._enough(limits.profit_target, self._profit, self._tomorrow, limits)

    def _lock(self, limits: Limits) -> Due | None:
        if self._best is None:
            return None
        trails = self._best - limits.profit_lock_trail if limits.profit_lock_trail else ZERO
        floor = max(limits.profit_lock_floor, trails)
        return Due(_of_profit(limits), floor, self._tomorrow) if self._profit <= floor else None

    def _consistency(self, limits: Limits) -> Due | None:
        total, purse = limits.consistency_total, self.purse
        if purse is not None:
            equity = purse.equity(self.dollars, realized=False)
            total = max(total, equity - purse.start - purse.cash)
        most = (total * limits.consistency_percent / 100).quantize(CENT)
        return self._enough(most, self.dollars.day, self._tomorrow, limits)

    def _weekly_profit(self, limits: Limits) -> Due | None:
        return self._enough(limits.weekly_profit, self._week, self._next_monday, limits)

    def _enough(self, wanted: Decimal, made: Decimal, until: str, limits: Limits) -> Due | None:
        return Due(_of_profit(limits), wanted, until) if made >= wanted else None

    def _weekly_loss(self, limits: Limits) -> Due | None:
        lost = self._week <= -limits.weekly_loss
        return Due("flatten", -limits.weekly_loss, self._next_monday) if lost else None

    def _rolling(self, limits: Limits) -> Due | None:
        """What was lost up to an earlier pause is paid for with that."""
        days = [*self._past, (self.today, self.dollars.day)][-limits.rolling_days :]
        made = sum((dollars for day, dollars in days if day > self.paused_on), ZERO)
        until = _weekday(self.today, limits.rolling_pause_days + 1)
        return Due("deny", -limits.rolling_loss, until) if made <= -limits.rolling_loss else None

    def _tiers(self, limits: Limits) -> Due | None:
        lost = self.dollars.stop_from - self.dollars.day
        tiers = [_tier(word, limits.daily_stop_loss, self._tomorrow) for word in limits.loss_tiers.split()]
        reached = [tier for tier in tiers if lost >= -tier.limit]
        if not reached:
            return None
        return max(reached, key=lambda tier: tier.severity)._replace(
            limit=min(tier.limit for tier in reached)
        )

    @property
    def _week(self) -> Decimal:
        monday = _monday(self.today).isoformat()
        return sum((dollars for day, dollars in self._past if day >= monday), self.dollars.day)

    @property
    def _next_monday(self) -> str:
        return (_monday(self.today) + timedelta(days=7)).isoformat()

    @property
    def _tomorrow(self) -> str:
        return (date.fromisoformat(self.today) + timedelta(days=1)).isoformat()


def _of_profit(limits: Limits) -> str:
    return "deny" if limits.profit_denies_only else "flatten"


def _tier(word: str, stop: Decimal, until: str) -> Due:
    amount, _, action = word.partition("=")
    lost = Decimal(amount.rstrip("%")) * (stop / 100 if amount.endswith("%") else 1)
    name, _, size = action.partition(":")
    return Due(name, -lost.quantize(CENT), until, int(size or 0))


def _monday(day: str) -> date:
    return date.fromisoformat(day) - timedelta(days=date.fromisoformat(day).weekday())


def _weekday(day: str, further: int) -> str:
    """The weekday so many weekdays further on."""
    on = date.fromisoformat(day)
    while further:
        on += timedelta(days=1)
        further -= on.isoweekday() <= 5
    return on.isoformat()


def _next_close(limits: Limits, ms: int) -> int:
    return trading_day_at(ms, limits.trailing_zone, limits.trailing_at).ends_ms if limits.trailing_at else 0
