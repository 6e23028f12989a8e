"""What holds of every account, whatever is on the log; and that what is kept of a day stays small."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.audit.report.curves import MOST_POINTS, MOST_RUNS, Curve, Denials
from portfold.coordinator.audit.report.day_account import Booking, DayAccount
from portfold.coordinator.audit.report.days import Asked, gather
from portfold.coordinator.audit.report.tallies import all_together, by_symbol, by_worker
from portfold.events.codec import encode
from portfold.events.decisions import TradingDayStarted
from portfold.events.incoming import Malformed
from tests.audit.in_memory import InMemory
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import HOUR, SECOND

ONE = Decimal(1)


# --- laws -----------------------------------------------------------------------------------------------


def record_of(log: Log) -> InMemory:
    return InMemory(
        (at, ["type", event.type] if isinstance(event, Malformed) else encode(event)) for at, event in log
    )


@given(logs)
def test_every_account_is_the_coordinators_own(log: Log) -> None:
    found = gather(record_of(log), Asked())
    accounts = {account.day: account for account in found.accounts}
    began = [one for moment in moments(log) for one in moment.decisions if isinstance(one, TradingDayStarted)]
    assert [one.day for one in began] == list(accounts)
    for said in began[1:]:
        account = accounts[said.previous_day]
        assert account.over
        assert account.pnl == said.daily_pnl
        assert (account.asked, account.allowed, account.blocked) == (
            said.entries_requested,
            said.entries_allowed,
            said.entries_blocked,
        )
        assert (len(account.trades), account.stops) == (said.exits, said.stops)
    assert found.difference == ""


@given(logs)
def test_all_tables_add_up_to_the_pnl(log: Log) -> None:
    accounts = gather(record_of(log), Asked()).accounts
    for some in [accounts, *([one] for one in accounts)]:
        pnl = sum((one.pnl for one in some), Decimal(0))
        for tallies in (by_symbol(some), by_worker(some), [all_together(some)]):
            assert sum((one.pnl for one in tallies), Decimal(0)) == pnl
            assert sum(one.asked for one in tallies) == sum(one.asked for one in some)
            assert sum(one.denied for one in tallies) == sum(one.blocked for one in some)
            assert sum(one.trades for one in tallies) == sum(len(one.trades) for one in some)


@given(logs)
def test_the_lines_drawn_reach_what_the_figures_say(log: Log) -> None:
    for account in gather(record_of(log), Asked()).accounts:
        values = [value for _, value in account.total_curve.points]
        assert (min(values), max(values), values[-1]) == (account.worst, account.best, account.pnl)
        assert account.realized_curve.points[-1][1] == account.realized
        assert max((value for _, value in account.open_curve.points), default=0) == account.most_open
        counts = Counter[str]()
        for run in account.denials:
            counts[run.code] += run.count
            assert run.first_ms <= run.last_ms
        assert counts == account.denied


@given(logs, st.data())
def test_a_day_by_itself_is_the_day_among_others(log: Log, data: st.DataObject) -> None:
    everything = gather(record_of(log), Asked()).accounts
    one = data.draw(st.sampled_from(everything))
    assert gather(record_of(log), Asked(one.day, one.day)).accounts == [one]
    assert gather(record_of(log), Asked(latest="day")).accounts == everything[-1:]


# --- bounds ---------------------------------------------------------------------------------------------


@given(st.integers(0, 9_999), st.integers(0, 9_999))
def test_a_curve_stays_small_and_keeps_its_extremes(low: int, high: int) -> None:
    values = [number % 7 for number in range(10_000)]
    values[low], values[high] = -1000, 1000
    curve = Curve()
    for ms, value in enumerate(values):
        curve.add(ms, value)
    kept = [int(value) for _, value in curve.points]
    assert len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1], min(kept), max(kept)) == (values[0], values[-1], min(values), max(values))
    assert [ms for ms, _ in curve.points] == sorted(ms for ms, _ in curve.points)
    assert all(values[ms] == value for ms, value in curve.points)


@pytest.mark.parametrize("gap_ms", [1, 10 * SECOND, HOUR])
def test_denials_are_merged_until_they_are_few(gap_ms: int) -> None:
    denials = Denials()
    for number in range(3000):
        denials.add(number * gap_ms, ("max_positions", "halted")[number % 2], ("ES", "CL", "6A")[number % 3])
    runs = list(denials)
    assert len(runs) <= MOST_RUNS
    assert sum(run.count for run in runs) == 3000
    assert Counter(run.code for run in runs).keys() == {"max_positions", "halted"}
    assert all(sum(run.symbols.values()) == run.count for run in runs)
    assert all(run.last_ms - run.first_ms < denials.width_ms for run in runs)


@pytest.mark.parametrize(("after_ms", "runs"), [(999, 1), (1000, 2)])
def test_denials_a_second_apart_are_two(after_ms: int, runs: int) -> None:
    denials = Denials()
    denials.add(0, "halted", "ES")
    denials.add(after_ms, "halted", "ES")
    assert len(list(denials)) == runs


def test_a_line_goes_on_to_the_end_of_the_window() -> None:
    curve = Curve()
    curve.add(5, 1)
    assert curve.until(9) == [(5, ONE), (9, ONE)]
    assert curve.until(5) == [(5, ONE)]
    assert Curve().until(9) == []


def test_where_the_accounts_figure_counts_a_row_of_its_own_makes_the_tables_add_up() -> None:
    settled = Booking(0, "ES", "ann", Decimal(120), "settled")
    day = DayAccount("2025-01-15", pnl=Decimal(0), reported=Decimal(120), bookings=[settled])
    assert {one.name: one.pnl for one in by_symbol([day])} == {"ES": Decimal(120), "account": Decimal(-120)}
    assert {one.name: one.pnl for one in by_worker([day])} == {"ann": Decimal(120), "account": Decimal(-120)}
    assert all_together([day]).pnl == 0
