"""Stories of a simulation: the live rules decide, and what could not be known is said to be so."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.trades.trade_file import Asked, Trade
from tests.research.made import hour, packaged, priced, scenario_of, trade

TO_THE_ROLL = 7  # hours from 10:00 to 17:00


def simulated(
    *trades: Trade, positions: int = 4, pricing: Pricing | None = None, stop: object = 2500
) -> tuple[Scenario, Simulated]:
    scenario = scenario_of(trades, pricing=pricing, stop=stop)
    return scenario, scenario.simulate(scenario.symbols, positions)


def taken(found: tuple[Scenario, Simulated]) -> list[tuple[str, object]]:
    """Symbol and P&L of what was traded, in the order of the exits."""
    scenario, played = found
    return [(scenario.timeline.trades[one.trade].symbol, one.pnl) for one in played.taken]


def denied(found: tuple[Scenario, Simulated]) -> list[tuple[str, str]]:
    """Symbol and code of what was denied."""
    scenario, played = found
    return [(scenario.timeline.trades[one.trade].symbol, one.code) for one in played.denied]


def days(found: tuple[Scenario, Simulated]) -> list[tuple[str, object]]:
    """The days and their P&L."""
    return [(day.date, day.pnl) for day in found[1].days]


# --- entries --------------------------------------------------------------------------------------------


def test_no_more_than_the_allowed_positions_are_open() -> None:
    found = simulated(trade("ES", 0, 5, 10), trade("CL", 1, 5, 20), trade("SI", 2, 5, 30), positions=2)
    assert sorted(taken(found)) == [("CL", 20), ("ES", 10)]
    assert denied(found) == [("SI", "max_positions")]


def test_a_position_is_kept_and_not_replaced_by_a_better_one() -> None:
    found = simulated(trade("ES", 0, 5, -100), trade("CL", 1, 5, 1000), positions=1)
    assert taken(found) == [("ES", -100)]


def test_one_position_a_symbol() -> None:
    found = simulated(trade("ES", 0, 5, 10), trade("ES", 1, 3, 20), trade("ES", 6, 7, 30))
    assert taken(found) == [("ES", 10), ("ES", 30)]
    assert denied(found) == [("ES", "symbol_in_position")]


def test_the_exit_of_a_denied_trade_closes_nothing() -> None:
    found = simulated(trade("ES", 0, 5, 10), trade("ES", 1, 3, 20))
    assert [one.closed_ms for one in found[1].taken] == [hour(5)]


def test_an_exit_frees_its_slot_for_an_entry_at_the_same_moment() -> None:
    found = simulated(trade("ES", 0, 1, 10), trade("CL", 1, 2, 20), positions=1)
    assert taken(found) == [("ES", 10), ("CL", 20)]


def test_an_exit_frees_its_symbol_for_an_entry_at_the_same_moment() -> None:
    assert taken(simulated(trade("ES", 0, 1, 10), trade("ES", 1, 2, 20))) == [("ES", 10), ("ES", 20)]


def test_a_trade_of_no_length_is_traded_and_leaves_no_position() -> None:
    assert taken(simulated(trade("ES", 1, 1, 10), trade("ES", 2, 3, 20))) == [("ES", 10), ("ES", 20)]


def test_sizes_count_against_max_contracts_which_are_as_many_as_positions() -> None:
    found = simulated(trade("ES", 0, 5, 10, size=2), trade("CL", 1, 5, 20, size=2), positions=3)
    assert denied(found) == [("CL", "max_contracts")]


def test_only_the_symbols_of_the_portfolio_are_asked_for() -> None:
    scenario = scenario_of([trade("ES", 0, 5, 10), trade("CL", 1, 5, 20)])
    played = scenario.simulate(["CL"], 4)
    assert (len(played.taken), len(played.denied)) == (1, 0)


def test_the_pnl_is_that_of_the_file_whatever_the_prices_say() -> None:
    prices = {"entry_price": Decimal(4000), "exit_price": Decimal(4010)}
    assert taken(simulated(trade("ES", 0, 1, "-123.45", **prices))) == [("ES", Decimal("-123.45"))]


# --- the stop -------------------------------------------------------------------------------------------

LOSER = trade("ES", 0, 2, -2500)


@pytest.mark.parametrize(("loss", "stopped"), [("-2500", ["2025-01-06"]), ("-2499.99", [])])
def test_the_stop_is_triggered_at_the_limit_the_boundary_counts(loss: str, stopped: list[str]) -> None:
    assert simulated(trade("ES", 0, 2, loss))[1].stop_days == stopped


def test_after_a_stop_nothing_is_entered_until_the_next_trading_day() -> None:
    found = simulated(
        LOSER, trade("CL", 2, 3, 5), trade("SI", TO_THE_ROLL - 0.01, 8, 5), trade("GC", TO_THE_ROLL, 8, 5)
    )
    assert denied(found) == [("CL", "stopped_out"), ("SI", "stopped_out")]
    assert taken(found) == [("ES", -2500), ("GC", 5)]


def test_a_stop_closes_the_others_at_that_moment_and_their_own_exits_close_nothing() -> None:
    found = simulated(LOSER, trade("CL", 1, 6, 900), trade("SI", 1, 30, -40))
    forced = {
        symbol: one.closed_ms
        for (symbol, _), one in zip(taken(found), found[1].taken, strict=True)
        if one.forced
    }
    assert forced == {"CL": hour(2), "SI": hour(2)}
    assert days(found) == [("2025-01-06", -2500 + 900 - 40)]


def test_without_bars_a_forced_exit_counts_with_its_own_final_pnl_and_says_so() -> None:
    scenario, played = simulated(LOSER, trade("CL", 1, 6, 900))
    assert [(float(one.pnl), one.known) for one in played.forced] == [(900, False)]
    figures = scenario.figures(played)
    assert (figures.forced, figures.at_final, figures.at_final_pnl) == (1, 1, 900)


def test_a_position_that_is_due_at_the_moment_of_the_stop_has_its_own_exit() -> None:
    found = simulated(LOSER, trade("CL", 1, 2, -2600))
    assert taken(found) == [("ES", -2500), ("CL", -2600)]
    assert all(one.known for one in found[1].taken)


@pytest.mark.parametrize("lots", range(10))
@pytest.mark.parametrize(("gain", "stopped"), [("0.01", []), ("0", ["2025-01-06"])])
def test_what_ends_at_one_moment_counts_together(lots: int, gain: str, stopped: list[str]) -> None:
    _, played = _seeded([LOSER, trade("CL", 1, 2, gain)], lots)
    assert played.stop_days == stopped


def _seeded(trades: Sequence[Trade], seed: int) -> tuple[Scenario, Simulated]:
    scenario = scenario_of(trades, seed=seed)
    return scenario, scenario.simulate(scenario.symbols, 4)


def test_two_losses_that_reach_the_limit_together_trigger_it_once() -> None:
    found = simulated(trade("ES", 0, 2, -1500), trade("CL", 0, 2, -1500), trade("SI", 0, 6, 10))
    assert found[1].stop_days == ["2025-01-06"]


def test_a_gain_of_the_day_moves_the_stop_away() -> None:
    assert simulated(trade("CL", 0, 1, 400), trade("ES", 1, 2, -2899))[1].stop_days == []


def test_a_new_trading_day_forgives_the_old_days_loss() -> None:
    found = simulated(trade("ES", 0, 1, -2000), trade("CL", 8, 9, -2000))
    assert days(found) == [("2025-01-06", -2000), ("2025-01-07", -2000)]
    assert found[1].stop_days == []


def test_a_position_over_the_weekend_counts_on_the_day_it_closes() -> None:
    # From Friday 10:00 to Sunday 18:00, which is Monday's trading day.
    assert days(simulated(trade("ES", -72, -16, 70))) == [("2025-01-03", 0), ("2025-01-06", 70)]


# --- bars -----------------------------------------------------------------------------------------------

ES_OPEN = trade("ES", 0, 6, 495, entry_price=Decimal(4000), exit_price=Decimal(4010))


def test_with_bars_a_forced_exit_has_the_price_of_that_moment() -> None:
    bars = priced({"ES": {1: "4001", 2: "3995", 5: "9999"}})
    found = simulated(ES_OPEN, trade("CL", 1, 2.5, -2500), pricing=bars)
    [forced] = found[1].forced
    assert (float(forced.pnl), forced.known) == (-5 * 50 - 5, True)


def test_with_bars_an_open_loss_triggers_the_stop() -> None:
    bars = priced({"ES": {1: "3950.25", 2: "3950", 3: "4010"}})
    found = simulated(ES_OPEN, pricing=bars)
    [forced] = found[1].taken
    assert (forced.forced, forced.closed_ms, float(forced.pnl)) == (True, hour(2), -2505)
    assert found[1].stop_days == ["2025-01-06"]


@pytest.mark.parametrize("lots", range(10))
@pytest.mark.parametrize(("close", "stopped"), [("71.01", []), ("71", ["2025-01-06"])])
def test_marks_of_one_moment_count_together(lots: int, close: str, stopped: list[str]) -> None:
    crude = trade("CL", 0, 6, 1000, entry_price=Decimal(70), exit_price=Decimal(71), side="long")
    bars = priced({"ES": {2: "3930.01"}, "CL": {2: close}})  # ES is down $3,499.50, CL up $1,010 or $1,000
    scenario = scenario_of([ES_OPEN, crude], pricing=bars, stop="2499.50", seed=lots)
    assert scenario.simulate(["CL", "ES"], 2).stop_days == stopped


@pytest.mark.parametrize(("marked", "closed_at"), [(True, 0), (False, 1)])
def test_the_bar_of_an_entry_marks_it_where_entries_are_filled_at_its_open(
    marked: bool,  # noqa: FBT001 - a parameter of pytest
    closed_at: int,
) -> None:
    bars = structs.replace(priced({"ES": {0: "3950", 1: "3940", 2: "4010"}}), marks_entry_bar=marked)
    [forced] = simulated(ES_OPEN, pricing=bars)[1].taken
    assert (forced.forced, forced.closed_ms) == (True, hour(closed_at))


def test_a_stop_at_the_moment_of_an_entry_closes_it_at_the_close_and_not_at_the_open_that_has_passed() -> (
    None
):
    bars = structs.replace(priced({"ES": {0: "3990"}, "CL": {0: "66"}}), marks_entry_bar=True)
    crude = trade("CL", 0, 6, 995, entry_price=Decimal(70), exit_price=Decimal(71), side="long")
    found = simulated(ES_OPEN, crude, pricing=bars)
    assert sorted(taken(found)) == [("CL", -4005), ("ES", -505)]


def test_what_happens_at_the_roll_is_the_next_days_as_it_is_reported() -> None:
    assert days(simulated(trade("ES", 0, TO_THE_ROLL, 70), trade("CL", TO_THE_ROLL, 8, 5))) == [
        ("2025-01-06", 0),
        ("2025-01-07", 75),
    ]


def test_an_open_loss_stays_with_the_day_it_was_made_on() -> None:
    bars = priced({"ES": {TO_THE_ROLL - 1: "3980"}})
    over_night = trade("ES", 0, TO_THE_ROLL + 1, 495, entry_price=Decimal(4000), exit_price=Decimal(4010))
    found = simulated(over_night, pricing=bars)
    assert days(found) == [("2025-01-06", -1000), ("2025-01-07", 1495)]


def test_with_bars_that_do_not_fit_the_trade_its_final_pnl_counts_and_says_so() -> None:
    micro = trade("ES", 1, 6, 49, entry_price=Decimal(4000), exit_price=Decimal(4010), side="long")
    found = simulated(micro, trade("CL", 1, 2, -2500), pricing=priced({"ES": {1.5: "3000"}}))
    assert [(float(one.pnl), one.known) for one in found[1].forced] == [(49, False)]


def test_the_curve_has_a_point_for_each_mark_and_each_close() -> None:
    bars = priced({"ES": {1: "4001", 2: "3999"}})
    assert simulated(ES_OPEN, pricing=bars)[1].curve == [50, -50, 495]


# --- who is first ---------------------------------------------------------------------------------------


def test_who_is_first_among_equals_is_drawn_by_lot_anew_each_time() -> None:
    hours = range(0, 400, 2)
    trades = [trade(symbol, at, at + 1, 1) for at in hours for symbol in ("6A", "YM")]
    winners = [symbol for symbol, _ in taken(simulated(*trades, positions=1))]
    assert len(winners) == len(hours)
    assert 60 < winners.count("6A") < 140


def test_the_seed_decides_the_lots() -> None:
    trades = [trade(symbol, at, at + 1, 1) for at in range(0, 100, 2) for symbol in ("6A", "CL", "YM")]
    drawn = {tuple(symbol for symbol, _ in taken(_seeded_one(trades, seed))) for seed in (1, 2, 1)}
    assert len(drawn) == 2


def _seeded_one(trades: Sequence[Trade], seed: int) -> tuple[Scenario, Simulated]:
    scenario = scenario_of(trades, seed=seed)
    return scenario, scenario.simulate(scenario.symbols, 1)


def test_the_limits_are_those_of_the_configuration() -> None:
    limits = scenario_of([LOSER]).limits_of(["ES", "CL"], 3)
    runtime = packaged().runtime
    assert (limits.symbols, limits.max_positions, limits.max_contracts) == ("CL ES", 3, 3)
    assert (float(limits.daily_stop_loss), limits.stop_loss_on) == (2500, runtime.stop_loss_on)
    assert (limits.zone, limits.roll) == (runtime.trading_day.zone, runtime.trading_day.roll)


# --- limits of money --------------------------------------------------------------------------------------


def test_a_limit_of_money_that_live_has_the_simulation_has_too() -> None:
    trades = (trade("ES", 0, 1, -600), trade("CL", 2, 3, -400), trade("SI", 4, 5, 10))
    scenario = scenario_of(trades, stop=2500)
    limited = structs.replace(scenario, limits=structs.replace(scenario.limits, weekly_loss=Decimal(1000)))
    found = limited, limited.simulate(limited.symbols, 4)
    assert denied(found) == [("SI", "weekly_loss")]
    assert [rule for _, rule in found[1].reached] == ["weekly_loss"]
    assert denied((scenario, scenario.simulate(scenario.symbols, 4))) == []


def test_a_floor_closes_what_is_open_and_ends_the_account() -> None:
    trades = (trade("ES", 0, 6, 10), trade("CL", 1, 2, -1000), trade("SI", 30, 31, 10))
    scenario = scenario_of(trades, stop=2500)
    floor = {"start_balance": Decimal(10_000), "equity_floor": Decimal(9_000)}
    limited = structs.replace(scenario, limits=structs.replace(scenario.limits, **floor))
    found = limited, limited.simulate(limited.symbols, 4)
    assert [limited.timeline.trades[one.trade].symbol for one in found[1].forced] == ["ES"]
    assert denied(found) == [("SI", "equity_floor")]


# --- signals --------------------------------------------------------------------------------------------


def signal(symbol: str, entry: float, exit_: float, pnl: object, **asked: Any) -> Trade:
    """A signal's outcome, asked for while nothing is held; with a `cooldown` of so many hours."""
    flat_before, ended = hour(entry - asked.get("cooldown", 0)), asked.get("ended", True)
    return trade(symbol, entry, exit_, pnl, asked=Asked(flat_before, hour(exit_), ended=ended))


def test_a_worker_that_was_denied_asks_again_with_its_next_signal() -> None:
    found = simulated(trade("CL", 0, 2, 10), signal("ES", 1, 5, 20), signal("ES", 2, 5, 30), positions=1)
    assert denied(found) == [("ES", "max_positions")]
    assert taken(found) == [("CL", 10), ("ES", 30)]


def test_a_worker_that_holds_something_asks_for_nothing() -> None:
    found = simulated(signal("ES", 0, 3, 10), signal("ES", 1, 4, 20), signal("ES", 3, 5, 30))
    assert (taken(found), denied(found)) == ([("ES", 10)], [])


def test_a_worker_asks_again_at_the_bar_after_its_exit() -> None:
    found = simulated(signal("ES", 0, 3, 10), signal("ES", 3, 4, 20), signal("ES", 4, 5, 30))
    assert taken(found) == [("ES", 10), ("ES", 30)]


def test_a_worker_that_was_stopped_signals_anew_on_the_next_day() -> None:
    stopped = (trade("CL", 0, 1, -2500), signal("ES", 0, 30, 10))
    found = simulated(*stopped, signal("ES", 2, 30, 20), signal("ES", TO_THE_ROLL, 30, 30))
    assert denied(found) == [("ES", "stopped_out")]
    assert taken(found) == [("CL", -2500), ("ES", 10), ("ES", 30)]


@pytest.mark.parametrize(("after", "made"), [(3, [("ES", 10)]), (4, [("ES", 10), ("ES", 20)])])
def test_a_cooldown_counts_from_what_the_portfolio_left(after: int, made: list[tuple[str, object]]) -> None:
    found = simulated(signal("ES", 0, 1, 10), signal("ES", after, 9, 20, cooldown=2))
    assert taken(found) == made


def test_what_the_bars_end_before_keeps_its_slot_and_is_no_trade() -> None:
    found = simulated(signal("ES", 0, 5, 10, ended=False), trade("CL", 6, 7, 20), positions=1)
    assert (taken(found), denied(found)) == ([], [("CL", "max_positions")])
    assert (found[1].open_at_end, found[1].requested) == (1, 2)
