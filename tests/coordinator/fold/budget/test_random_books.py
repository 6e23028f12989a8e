"""Random books against a slow sum: no entry is allowed whose stops could lose as much as a limit.

The sum is another's work: it keeps its own book from what was said, in fractions, and knows nothing of the
fold's. It also says of each entry that the budget denied that it really was too much.
"""

import os
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

import pytest
from msgspec import structs

from portfold.coordinator.fold.effects import positions
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Plan
from portfold.coordinator.fold.rules.budget import at_stop, worst
from portfold.coordinator.fold.rules.budget.at_stop import leg_at_stop
from portfold.coordinator.fold.rules.budget.worst import Worst
from portfold.coordinator.fold.state import Position
from portfold.events.decisions import EntryAllowed, EntryDenied, EventRejected
from portfold.events.incoming import EntryRequested
from tests.coordinator.fold.budget.books import moves_stop
from tests.coordinator.story import DAY, Story, each

BOOKS = int(os.environ.get("PORTFOLD_BUDGET_BOOKS", "60"))
POINTS = {"ES": 50, "CL": 1000, "SI": 5000, "PL": 50}
PRICES = {"ES": 5000, "CL": 70, "SI": 30, "PL": 900}
TICKS = {"ES": Fraction(1, 4), "CL": Fraction(1, 100), "SI": Fraction(1, 200), "PL": Fraction(1, 10)}
DEFAULT = {"ES": 500, "CL": 400}
COSTS = {"ES": Fraction("12.50"), "SI": Fraction("7.01")}
START = 50_000
_AVERAGES_ARE_ROUNDED = Fraction(1, 10**5)  # of a dollar: the fold keeps ten decimals of an average price


class Leg:
    """What is held or reserved: its `stop` a price, or `each` dollars of risk a contract, or neither."""

    def __init__(self, symbol: str, side: str, stop: Fraction | None, each_: Fraction | None) -> None:
        self.symbol, self.side, self.stop, self.each = symbol, side, stop, each_
        self.fills: list[tuple[int, Fraction]] = []
        self.mark = self.carried = Fraction(0)

    @property
    def size(self) -> int:
        return sum(size for size, _ in self.fills)

    @property
    def price(self) -> Fraction:
        return sum((size * price for size, price in self.fills), Fraction(0)) / self.size

    def at(self, price: Fraction) -> Fraction:
        move = price - self.price if self.side == "long" else self.price - price
        return move * POINTS[self.symbol] * self.size

    def at_stop(self) -> Fraction | None:
        """Dollars that it makes at its stop, None where nobody knows."""
        if self.stop is not None:
            made = self.at(self.stop)
        elif self.each is not None:
            made = -self.each * self.size
        elif self.symbol in DEFAULT:
            made = Fraction(-DEFAULT[self.symbol] * self.size)
        else:
            return None
        return min(made, self.mark) - COSTS.get(self.symbol, 0) * self.size


class Rules(NamedTuple):
    """The limits of one book, 0 where there is none."""

    daily: int
    weekly: int
    floor: int
    trailing: int
    tier: int


class Book:
    """The slow book: legs, slots, and money."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.held: dict[str, Leg] = {}
        self.slots: dict[str, Leg] = {}
        self.day = self.net = self.week = Fraction(0)
        self.peak = Fraction(START)

    def look(self) -> None:
        """The peak follows the equity."""
        self.peak = max(self.peak, START + self.net + sum(leg.mark for leg in self.held.values()))

    def rooms(self, asked: Leg | None) -> list[Fraction] | None:
        """How far each limit is when every stop has filled; None where a loss is not known."""
        legs = [(leg.at_stop(), leg) for leg in self.held.values()]
        slots = [leg.at_stop() for leg in [*self.slots.values(), *([asked] if asked else [])]]
        if any(made is None for made, _ in legs) or None in slots:
            return None
        pending = sum((min(Fraction(0), made or Fraction(0)) for made in slots), Fraction(0))
        today = sum((min(Fraction(0), (made or 0) - leg.carried) for made, leg in legs), self.day + pending)
        equity = sum((min(Fraction(0), made or Fraction(0)) for made, _ in legs), START + self.net + pending)
        rules = self.rules
        found = [today + rules.daily]
        found += [today + self.week + rules.weekly] if rules.weekly else []
        found += [today + rules.tier] if rules.tier else []
        found += [equity - rules.floor] if rules.floor else []
        found += [equity - (self.peak - rules.trailing)] if rules.trailing else []
        return found


def rules_of(random: Random) -> tuple[Rules, dict[str, Any]]:
    rules = Rules(
        daily=random.choice([1500, 2500]),
        weekly=random.choice([0, 0, 3000]),
        floor=random.choice([0, 0, 48_500]),
        trailing=random.choice([0, 0, 1800]),
        tier=random.choice([0, 0, 1200]),
    )
    limits = {
        "daily_stop_loss": Decimal(rules.daily),
        "weekly_loss": Decimal(rules.weekly),
        "start_balance": Decimal(START),
        "equity_floor": Decimal(rules.floor),
        "trailing_drawdown": Decimal(rules.trailing),
        "loss_tiers": f"{rules.tier}=flatten" if rules.tier else "",
        "loss_budget": random.choice(["default", "deny"]),
        "default_risk": "ES=500 CL=400",
        "stop_costs": "ES=12.50 SI=7.01",
        "point_values": " ".join(f"{symbol}={value}" for symbol, value in POINTS.items()),
        "max_contracts": 40,
    }
    return rules, limits


class Trial:
    """One random book, told to the fold and to the slow book alike."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rules, self.limits = rules_of(self.random)
        self.story, self.book = Story(**self.limits), Book(self.rules)
        self.numbers: dict[str, str] = {}
        self.allowed = self.denied = 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            symbol = self.random.choice(list(POINTS))
            if self.story.state.stop or self.story.state.locks:
                return  # all is closed from here on: entries are denied for that
            if symbol in self.book.slots:
                self._fill_or_withdraw(symbol)
            elif symbol in self.book.held:
                self._live_on(symbol)
            else:
                self._ask(symbol)
            self.book.look()
            if self.random.random() < 0.03:
                self._next_day()

    # --- entries ------------------------------------------------------------------------------------------

    def _ask(self, symbol: str) -> None:
        side, size = self.random.choice(["long", "short"]), self.random.randint(1, 4)
        price, away = Fraction(PRICES[symbol]), self.random.randint(1, 60) * TICKS[symbol]
        kind = self.random.choice(["stop", "risk", "room", "nothing"])
        asked, named = Leg(symbol, side, None, None), dict[str, Any]()
        if kind == "stop":
            asked.stop = price - away if side == "long" else price + away
            named = {"stop_price": text(asked.stop), "price": text(price)}
        elif kind != "nothing":
            asked.each = self._near_the_room(symbol, size) if kind == "room" else None
            asked.each = asked.each or Fraction(self.random.randint(1, 80_000), 100)
            named = {"risk": Decimal(text(asked.each * size))}
        asked.fills = [(size, price)]
        rooms = self.book.rooms(asked)
        answer = self.story.asks(symbol, size, side, **named)
        assert isinstance(self.story.last, EntryRequested)
        self.numbers[symbol] = str(self.story.last.seq)
        if isinstance(answer, EntryAllowed):
            assert rooms is not None
            assert min(rooms) > -_AVERAGES_ARE_ROUNDED, (answer, min(rooms))
            assert named or self.limits["loss_budget"] == "default"
            self.book.slots[symbol], self.allowed = asked, self.allowed + 1
        elif answer.code == "loss_budget":
            named_nothing = not named and self.limits["loss_budget"] == "deny"
            assert named_nothing or rooms is None or min(rooms) < _AVERAGES_ARE_ROUNDED, answer.reason
            self.denied += 1
        else:
            assert isinstance(answer, EntryDenied)

    def _near_the_room(self, symbol: str, size: int) -> Fraction | None:
        """A cent less, exactly, or a cent more a contract than there is room for."""
        rooms = self.book.rooms(None)
        if rooms is None or min(rooms) <= 0:
            return None
        cents = (min(rooms) / size - COSTS.get(symbol, 0)) * 100
        found = Fraction(int(cents) + self.random.choice([-1, 0, 0, 1]), 100)
        return found if found > 0 else None

    def _fill_or_withdraw(self, symbol: str) -> None:
        slot = self.book.slots[symbol]
        if self.random.random() < 0.2:
            self.story.withdraws(symbol, request=self.numbers[symbol])
            del self.book.slots[symbol]
            return
        [(left, expected)] = slot.fills
        size = self.random.randint(1, left)
        price = expected + self.random.choice([-3, -1, 0, 0, 1, 3]) * TICKS[symbol]
        self.story.fills(symbol, size, text(price), slot.side)
        leg = self.book.held.setdefault(symbol, Leg(symbol, slot.side, slot.stop, slot.each))
        leg.fills.append((size, price))
        slot.fills = [(left - size, expected)]
        if left == size:
            del self.book.slots[symbol]

    # --- what becomes of them -----------------------------------------------------------------------------

    def _live_on(self, symbol: str) -> None:
        leg = self.book.held[symbol]
        step = self.random.choice(["mark", "mark", "stop", "part", "close"])
        price = leg.price + self.random.randint(-40, 40) * TICKS[symbol] / 2
        price = round(price * 1000) / Fraction(1000)
        if step == "mark":
            leg.mark = cents(leg.at(price))
            self.story.marks(symbol, text(leg.mark), text(price), leg.side)
        elif step == "stop":
            refused = each(EventRejected, moves_stop(self.story, symbol, text(price), leg.side))
            if not refused:
                leg.stop, leg.each = price, None
        else:
            gone = leg.size if step == "close" else self.random.randint(1, leg.size)
            made = cents(leg.at(price) * gone / leg.size)
            self._close(leg, gone, price, made)

    def _close(self, leg: Leg, gone: int, price: Fraction, made: Fraction) -> None:
        self.story.closes(leg.symbol, text(made), gone, text(price), leg.side)
        size, average = leg.size, leg.price
        earlier = cents(leg.carried * gone / size)
        self.book.day += made - earlier
        self.book.net += made
        if gone == size:
            del self.book.held[leg.symbol]
            return
        leg.mark -= cents(leg.mark * gone / size)
        leg.carried -= earlier
        leg.fills = [(size - gone, average)]

    def _next_day(self) -> None:
        before = self.story.state.day.date
        self.story.after(DAY)
        self.book.slots.clear()  # their time is over
        if self.story.state.day.date == before:
            return
        week_before = iso_week(before)
        made = self.book.day + sum(leg.mark - leg.carried for leg in self.book.held.values())
        same = iso_week(self.story.state.day.date) == week_before
        self.book.week = self.book.week + made if same else Fraction(0)
        self.book.day = Fraction(0)
        for leg in self.book.held.values():
            leg.carried = leg.mark


def text(amount: Fraction) -> str:
    return f"{Decimal(amount.numerator) / Decimal(amount.denominator):f}"


def cents(amount: Fraction) -> Fraction:
    return Fraction(round(amount * 100), 100)


def iso_week(day: str) -> tuple[int, int]:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return year, week


def test_no_random_book_is_allowed_an_entry_whose_stops_could_reach_a_limit() -> None:
    allowed = denied = 0
    for seed in range(BOOKS):
        trial = Trial(seed)
        try:
            trial.run(40)
        except AssertionError as broken:
            pytest.fail(f"book {seed}: {broken}")
        allowed, denied = allowed + trial.allowed, denied + trial.denied
    assert min(allowed, denied) > BOOKS


def _run_books(count: int) -> None:
    for seed in range(count):
        Trial(seed).run(40)


def _no_slots(*_: object) -> Decimal:
    return Decimal(0)


def _without_costs(*_: object) -> Decimal:
    return Decimal(0)


def _as_planned(limits: Limits, held: Position) -> Decimal | None:
    """The leg at its stop, however far the market is beyond it."""
    return leg_at_stop(limits, structs.replace(held, unrealized=Decimal(10**9)))


def _nothing_earlier(*_: object) -> Decimal:
    return Decimal(0)


def _a_cent_too_far(one: Worst) -> Decimal:
    return one.now - one.limit + Decimal("0.01")


def _only_the_last_fill(held: Plan | None, added: Plan | None) -> Plan | None:  # noqa: ARG001 - planted
    return added


@pytest.mark.parametrize(
    ("where", "name", "planted"),
    [
        (worst, "entry_at_stop", _no_slots),
        (worst, "leg_at_stop", _as_planned),
        (worst, "earlier", _nothing_earlier),
        (at_stop, "_costs", _without_costs),
        (Worst, "room", property(_a_cent_too_far)),
        (positions, "joined", _only_the_last_fill),
    ],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, planted: object
) -> None:
    monkeypatch.setattr(where, name, planted)
    with pytest.raises(AssertionError):
        _run_books(400)
