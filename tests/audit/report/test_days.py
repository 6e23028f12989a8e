"""The account of a trading day, in figures worked out by hand, and which days are gathered."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from portfold.coordinator.audit.report.days import Asked, begins_ms, gather
from portfold.coordinator.audit.report.tallies import ResultTally, all_together, by_symbol, by_worker
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import encode
from portfold.events.incoming import CoordinatorStarted, EntryRequested
from portfold.events.wire.bus import Entry
from tests.audit.in_memory import InMemory
from tests.audit.told import Told, stopped
from tests.coordinator.story import DAY, HOUR, chicago

THURSDAY = chicago(2025, 1, 15, 17)
"""When the trading day of the 16th begins; stories begin on the 15th at 10:00."""

ZERO, ONE = Decimal(0), Decimal(1)


# --- figures --------------------------------------------------------------------------------------------


def test_a_day_is_what_was_asked_booked_and_marked() -> None:
    story = Told()
    story.enters("ES", "CL", price="50")
    story.asks("ES", worker="other")
    story.marks("ES", "-300")
    story.closes("ES", "-200", price="46", commission="5")
    story.marks("CL", "150")
    day = story.account()
    assert (day.day, day.over, day.events) == ("2025-01-15", False, 11)
    assert (day.asked, day.allowed, day.blocked) == (3, 2, 1)
    assert day.denied == {"symbol_in_position": 1}
    assert (day.realized, day.pnl) == (Decimal(-200), Decimal(-50))
    assert (day.worst, day.best) == (Decimal(-300), Decimal(0))
    assert day.used == Decimal(300) / 2500
    assert [one.symbol for one in day.entries] == ["ES", "CL"]
    [trade] = day.trades
    assert (trade.symbol, trade.worker, trade.side, trade.size) == ("ES", "ibs-ES", "long", 1)
    assert (trade.entry, trade.price, trade.commission) == (Decimal(50), Decimal(46), Decimal(5))
    assert (trade.pnl, trade.booked, trade.daily_pnl) == (Decimal(-200), Decimal(-200), Decimal(-200))
    [held] = day.held
    assert (held.symbol, held.unrealized, held.counted) == ("CL", Decimal(150), Decimal(150))


def test_the_curves_are_what_the_stop_and_the_limit_saw() -> None:
    story = Told()
    story.enters("ES")
    opened = story.ms
    story.marks("ES", "-300")
    story.closes("ES", "-200")
    day = story.account()
    assert day.total_curve.points == [
        (day.first_ms, ZERO),
        (opened + 1, Decimal(-300)),
        (opened + 2, Decimal(-200)),
    ]
    assert day.realized_curve.points == [(day.first_ms, ZERO), (opened + 2, Decimal(-200))]
    assert day.slots_curve.points == [(day.first_ms, ZERO), (opened - 1, ONE), (opened + 2, ZERO)]
    assert day.open_curve.points == [(day.first_ms, ZERO), (opened, ONE), (opened + 2, ZERO)]
    assert day.stop_curve.points == [(day.first_ms, Decimal(-2500))]
    assert day.limit_curve.points == [(day.first_ms, Decimal(4))]


def test_tables_add_up_by_symbol_and_by_worker() -> None:
    story = Told()
    story.enters("ES", "CL")
    story.closes("ES", "120")
    story.closes("CL", "-80")
    story.enters("CL")
    story.closes("CL", "-20")
    story.asks("NQ", worker="ibs-CL")
    day = story.account()
    assert by_symbol([day]) == [
        ResultTally("CL", "", 2, 0, 2, 0, Decimal(-100), Decimal(-20), Decimal(-80)),
        ResultTally("ES", "", 1, 0, 1, 1, Decimal(120), Decimal(120), Decimal(120)),
        ResultTally("NQ", "", 1, 1, 0, 0, Decimal(0), None, None),
    ]
    assert [(one.name, one.asked, one.denied, one.pnl) for one in by_worker([day])] == [
        ("ibs-CL", 3, 1, Decimal(-100)),
        ("ibs-ES", 1, 0, Decimal(120)),
    ]
    total = all_together([day])
    assert (total.win_rate, total.block_rate) == (Decimal(1) / 3, Decimal("0.25"))


def test_a_worker_is_shown_with_the_strategy_it_names() -> None:
    story = Told()
    story.says(EntryRequested, "a", symbol="ES", side="long", size=1, strategy="IBS below 0.2")
    assert [(one.name, one.strategy) for one in by_worker([story.account()])] == [("a", "IBS below 0.2")]


def test_what_was_not_open_counts_its_loss_as_a_booking_and_is_no_trade() -> None:
    story = Told()
    story.closes("ES", "-70")
    day = story.account()
    assert (day.trades, day.pnl) == ([], Decimal(-70))
    assert [(one.symbol, one.booked, one.why) for one in day.bookings] == [
        ("ES", Decimal(-70), "closed what was not open")
    ]
    assert [one.pnl for one in by_symbol([day])] == [Decimal(-70)]


def test_a_settlement_is_a_booking_with_who_and_why() -> None:
    story = Told()
    story.enters("ES")
    story.starts("ibs-ES", session="s2")
    story.settle("ES", 0, pnl="-310")
    day = story.account()
    assert [(one.booked, one.why) for one in day.bookings] == [
        (Decimal(-310), "settled by ann: as the broker says")
    ]
    assert [(one.kind, one.by) for one in day.orders] == [("settle", "ann")]


def test_who_retired_a_worker_and_why_is_an_order_of_the_day() -> None:
    story = Told()
    story.hears(CoordinatorStarted(leader="host", epoch=1, fold=FOLD_VERSION))
    story.starts("ibs-ES")
    story.loses_worker("ibs-ES")
    story.retires("ibs-ES")
    day = story.account()
    assert [(one.kind, one.by, one.reason) for one in day.orders] == [
        ("retire", "ann", "its machine is gone")
    ]


def test_the_lower_pnl_is_the_trades() -> None:
    story = Told(point_values="ES=50")
    story.enters("ES", price="5000")
    story.closes("ES", "100", price="4990")
    [trade] = story.account().trades
    assert trade.pnl == trade.booked == Decimal(-500)


def test_a_repeat_counts_once() -> None:
    story = Told()
    story.asks("NQ")
    story.hears_last_again()
    story.enters("ES")
    story.closes("ES", "10")
    story.hears_last_again()
    day = story.account()
    assert (day.asked, day.blocked, len(day.trades)) == (2, 1, 1)
    assert sum(run.count for run in day.denials) == 1


def test_what_a_flattener_closed_is_its_owners_trade() -> None:
    story = Told()
    story.enters("ES")
    story.closes("ES", "-40", worker="flattener", owner="ibs-ES")
    [trade] = story.account().trades
    assert (trade.worker, trade.closed_by) == ("ibs-ES", "flattener")


# --- days -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ms", "day"), [(THURSDAY - 1, "2025-01-15"), (THURSDAY, "2025-01-16"), (THURSDAY + DAY, "2025-01-17")]
)
def test_an_event_is_on_the_exchanges_trading_day(ms: int, day: str) -> None:
    story = Told()
    story.enters("ES")
    story.at(ms - 1)
    story.ms = ms - 1
    story.closes("ES", "5")
    account = story.gathered().accounts[-1]
    assert (account.day, [one.ms for one in account.trades]) == (day, [ms])


def test_a_monday_begins_on_friday_evening() -> None:
    story = Told(chicago(2025, 1, 13, 10))
    assert begins_ms(story.account()) == chicago(2025, 1, 10, 17)


def test_a_position_held_overnight_counts_on_each_day_what_changed() -> None:
    story = Told()
    story.enters("ES")
    story.marks("ES", "300")
    story.at(THURSDAY)
    story.closes("ES", "500")
    first, second = story.gathered().accounts
    assert (first.over, first.pnl, first.realized, first.trades) == (True, Decimal(300), Decimal(0), [])
    assert [(one.unrealized, one.counted) for one in first.held] == [(Decimal(300), Decimal(300))]
    [trade] = second.trades
    assert (trade.pnl, trade.booked) == (Decimal(500), Decimal(200))
    assert (second.pnl, second.held) == (Decimal(200), [])
    assert [one.pnl for one in by_symbol([first, second])] == [Decimal(500)]
    assert [one.pnl for one in by_symbol([second])] == [Decimal(200)]


def test_a_day_begins_at_nothing_even_when_its_first_event_books() -> None:
    story = Told()
    story.enters("ES", "CL")
    story.closes("CL", "40")
    story.ms = THURSDAY + HOUR
    story.closes("ES", "-90")
    second = story.gathered().accounts[-1]
    assert second.total_curve.points == [(THURSDAY + HOUR + 1, ZERO), (THURSDAY + HOUR + 1, Decimal(-90))]
    assert (second.realized, second.trades[0].booked) == (Decimal(-90), Decimal(-90))


def test_a_denial_before_there_are_limits_is_one_of_the_first_day() -> None:
    story = Told()
    limits_first = story.entries.pop()
    request = EntryRequested(worker="a", session="s", seq=1, symbol="ES", side="long", size=1)
    story.entries[:] = [(limits_first[0]._replace(ms=limits_first[0].ms - 5), encode(request)), limits_first]
    day = story.account()
    assert (day.day, day.asked, day.denied) == ("2025-01-15", 1, {"halted": 1})


def test_a_log_without_limits_has_no_trading_day() -> None:
    story = Told()
    story.entries.clear()
    story.halt()
    found = story.gathered()
    assert (found.accounts, found.first_day, found.events) == ([], "", 1)


def three_weeks() -> Told:
    """A trade each day from Wednesday the 15th on, for 13 trading days."""
    story = Told()
    for day in range(17):
        story.ms = chicago(2025, 1, 15, 11) + day * DAY
        story.enters("ES")
        story.closes("ES", str(day))
    return story


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        (Asked("2025-01-16", "2025-01-16"), ["2025-01-16"]),
        (Asked("2025-01-18", "2025-01-19"), []),
        (Asked("2025-01-17", "2025-01-21"), ["2025-01-17", "2025-01-20", "2025-01-21"]),
        (Asked(latest="day"), ["2025-01-31"]),
        (Asked(latest="week"), [f"2025-01-{day}" for day in (27, 28, 29, 30, 31)]),
        (Asked(first="2025-01-31"), ["2025-01-31"]),
        (Asked(last="2025-01-15"), ["2025-01-15"]),
        (Asked("2026-01-01", "2026-01-02"), []),
    ],
)
def test_the_days_asked_for_are_kept_and_no_others(asked: Asked, days: list[str]) -> None:
    found = three_weeks().gathered(asked)
    assert [account.day for account in found.accounts] == days
    assert all(account.trades for account in found.accounts)
    assert found.first_day == "2025-01-15"


class Counted:
    """A record that counts what was read of it."""

    def __init__(self, record: InMemory) -> None:
        self._record, self.read = record, 0
        self.portfolio, self.shown, self.events = record.portfolio, record.shown, record.events
        self.cursor, self.chain = record.cursor, record.chain

    def recorded(self) -> Iterator[Recorded]:
        for recorded in self._record.recorded():
            self.read += 1
            yield recorded


def test_reading_ends_with_the_last_day_asked_for() -> None:
    record = Counted(three_weeks().record)
    found = gather(record, Asked("2025-01-16", "2025-01-16"))
    on_the_first_two = sum(at.ms < THURSDAY + DAY for at, _ in three_weeks().entries)
    assert (record.read, found.events) == (on_the_first_two + 1, on_the_first_two)
    assert (found.ended, found.accounts[0].over) == (False, True)


# --- what was decided -----------------------------------------------------------------------------------


def test_a_decision_that_was_altered_is_named() -> None:
    record = stopped().record
    at = next(number for number, one in enumerate(record.all) if one.decisions)
    event, [decision, *more] = record.all[at]
    altered = ["x" if word == "false" else word for word in decision.fields]
    record.all[at] = Recorded(event, [Entry(decision.id, altered), *more])
    found = gather(record, Asked())
    assert found.difference.startswith(f"Decision {decision.id} of event {event.id} says 'x'")
    assert found.accounts[0].stops == 1


def test_a_record_that_does_not_lead_to_its_head_is_told() -> None:
    record = stopped().record
    record.all.pop()
    found = gather(record, Asked())
    assert found.difference == f"The record up to {record.all[-1].event.id} does not lead to its head."


def test_a_record_as_it_should_be_shows_no_difference() -> None:
    found = stopped().gathered()
    assert (found.difference, found.events) == ("", len(stopped().entries))
    assert found.chain == stopped().record.chain
