"""Sessions of the exchange in a simulation: windows told by the close, early closes, holidays, many years."""

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from portfold.cli.exits import Unusable
from portfold.cli.operate.calendar import exchange_sessions
from portfold.cli.operate.calendar.past_sessions import known_sessions
from portfold.research.kernel.available import why_not
from portfold.research.simulate.scenario import Scenario
from portfold.research.trades.trade_file import Trade
from tests.research.made import CHICAGO, packaged, priced, scenario_of, trade

UNTIL_CLOSE = "mon-fri/close-10..close=deny"
FLAT_AT_CLOSE = "mon-fri/close-10..close=flatten"


def at(text: str) -> int:
    """A moment on the clocks of Chicago, in ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=CHICAGO).timestamp() * 1000)


def traded(symbol: str, entry: str, exit_: str, **more: Any) -> Trade:
    return structs.replace(trade(symbol, 0, 1, 10, **more), entry_ms=at(entry), exit_ms=at(exit_))


def in_session(trades: list[Trade], windows: str, calendar: str | None = None, **more: Any) -> Scenario:
    """The scenario of the trades under these windows, with the sessions that they need."""
    correct = more.pop("correct", "")
    read = packaged()
    rules = structs.replace(read.portfolio.rules, windows=windows)
    portfolio = structs.replace(read.portfolio, rules=rules)
    scenario = scenario_of(trades, configuration=structs.replace(read, portfolio=portfolio), **more)
    moments = scenario.timeline.opening.ms, scenario.timeline.happenings[-1].at.ms
    known = known_sessions(scenario.limits, moments, calendar, correct)
    return scenario if known is None else scenario.with_sessions(known)


def denied(scenario: Scenario) -> list[str]:
    return [one.code for one in scenario.simulate(scenario.symbols, 4).denied]


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        ("2025-01-06 15:49:59.999", []),
        ("2025-01-06 15:50:00.000", ["window"]),
        ("2025-01-06 15:59:59.999", ["window"]),
        ("2025-01-06 16:00:00.000", []),
        ("2025-01-20 11:49:59.999", []),  # Martin Luther King's day closes at noon
        ("2025-01-20 11:50:00.000", ["window"]),
        ("2025-01-20 15:50:00.000", []),
    ],
)
def test_a_window_told_by_the_close_is_that_of_the_days_own_session(entry: str, codes: list[str]) -> None:
    before = traded("CL", "2025-01-06 10:00", "2025-01-06 11:00")
    trades = [before, traded("ES", entry, "2025-01-21 09:00")]
    assert denied(in_session(trades, UNTIL_CLOSE)) == codes


def test_what_is_open_is_closed_at_the_window_and_not_with_the_next_bar() -> None:
    pricing = priced({"ES": {0: "5000", 3: "5001", 24: "5005"}})
    trades = [trade("ES", 0, 24, 240, side="long", entry_price=Decimal(5000), exit_price=Decimal(5005))]
    scenario = in_session(trades, FLAT_AT_CLOSE, pricing=pricing)
    (one,) = scenario.simulate(["ES"], 1).taken
    assert (one.closed_ms, one.forced) == (at("2025-01-06 15:50"), True)


def test_a_person_corrects_a_close_that_the_library_does_not_know() -> None:
    trades = [traded("ES", "2025-01-09 08:25", "2025-01-09 09:00")]  # a day of mourning
    assert denied(in_session(trades, UNTIL_CLOSE)) == []
    assert denied(in_session(trades, UNTIL_CLOSE, correct="2025-01-09=08:30")) == ["window"]


def test_sessions_of_many_years_are_published_again_in_time() -> None:
    days = [date(2018, 1, 2) + timedelta(days=14 * number) for number in range(180)]
    trades = [traded("ES", f"{day} 10:00", f"{day} 15:00") for day in days]
    scenario = in_session([*trades, traded("CL", "2024-11-05 15:55", "2024-11-05 18:00")], UNTIL_CLOSE)
    assert len(scenario.timeline.published) == 6
    assert denied(scenario) == ["window"]
    assert len(scenario.simulate(scenario.symbols, 1).taken) == 180


@pytest.mark.parametrize(("calendar", "day"), [(None, "2025-12-25"), ("CME Globex Equity", "2025-12-26")])
def test_a_day_without_a_session_is_part_of_the_next_where_sessions_are_published(
    calendar: str | None, day: str
) -> None:
    trades = [
        traded("ES", "2025-12-24 10:00", "2025-12-24 11:00"),
        traded("CL", "2025-12-25 10:00", "2025-12-25 11:00"),
    ]
    scenario = in_session(trades, "", calendar)
    simulated = scenario.simulate(scenario.symbols, 2)
    assert [(one.date, int(one.pnl)) for one in simulated.days] == [("2025-12-24", 10), (day, 10)]
    assert scenario.days[-1] == day
    assert scenario.figures(simulated).total_return == 20


def test_the_kernel_which_knows_no_sessions_leaves_them_to_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.research.kernel.available.find_spec", lambda _: "installed")
    trades = [traded("ES", "2025-01-20 10:00", "2025-01-20 11:00")]
    assert why_not(in_session(trades, "")) == ""
    assert "sessions of the exchange" in why_not(in_session(trades, "", "CME Globex Equity"))


def test_another_calendar_is_another_search() -> None:
    trades = [traded("ES", "2025-01-20 10:00", "2025-01-20 11:00")]
    digests = {
        in_session(trades, UNTIL_CLOSE, correct=correct).digest() for correct in ("", "2025-01-20=11:00")
    }
    assert len({*digests, in_session(trades, "").digest()}) == 3


# --- what is not known ----------------------------------------------------------------------------------


def test_without_the_library_a_sentence_says_which_window_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas_market_calendars", None)
    trades = [traded("ES", "2025-01-06 10:00", "2025-01-06 11:00")]
    with pytest.raises(
        Unusable, match=r"close-10..close=deny is told by the session.*not installed: .*calendar"
    ):
        in_session(trades, UNTIL_CLOSE)
    assert denied(in_session(trades, "mon-fri/15:50..16:00=deny")) == []  # by the clock: none is needed


def test_days_of_which_the_library_knows_nothing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = exchange_sessions.sessions_from_library

    def ends(calendar: str, first: date, last: date) -> Any:
        found, source = asked(calendar, first, last)
        return tuple(one for one in found if one.date < "2025-02-01"), source

    monkeypatch.setattr(exchange_sessions, "sessions_from_library", ends)
    trades = [traded("ES", "2025-01-06 10:00", "2025-03-06 11:00")]
    with pytest.raises(Unusable, match="from 2024-12-25 to 2025-03-18, got none between 2025-01-31 and"):
        in_session(trades, UNTIL_CLOSE)


def test_a_correction_of_sessions_that_nobody_publishes_is_refused() -> None:
    with pytest.raises(Unusable, match="--correct: expected --calendar"):
        in_session([traded("ES", "2025-01-06 10:00", "2025-01-06 11:00")], "", correct="2025-01-09=08:30")
