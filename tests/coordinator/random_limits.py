"""Random limits for the laws of the fold: few values of each, near to what the random logs trade."""

from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import strategies as st

from tests.coordinator.story import MINUTE, SECOND, limits


def any_of(**fields: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One value of each field, in one draw."""
    return st.sampled_from([dict(zip(fields, values, strict=True)) for values in product(*fields.values())])


def _each_of(**fields: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One value of each field, each drawn for itself: of many fields."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in fields.items()})


_PACES: list[dict[str, Any]] = [
    {"max_entries": 2, "max_entries_week": 4, "loss_streak": 2, "worker_rate": "30 ann=0.5"},
    {"symbol_entries": "2 ES=1", "symbol_entries_week": "3", "worker_entries_week": "4 bob=2"},
    {"loss_streak": 1, "loss_streak_minutes": 30, "worker_rate": "1", "worker_burst": "2 ann=1"},
    {"worker_loss_streak": "1", "worker_loss_streak_minutes": "ann=5", "symbol_loss_streak": "2 ES=1"},
    {"loss_streak": 2, "loss_streak_within": 5, "worker_loss_streak": "2", "worker_loss_streak_within": "1"},
    {"symbol_loss_streak": "1", "symbol_loss_streak_minutes": "1", "max_entries": 5},
    {"worker_rate": "1", "rate_repeats": 1, "worker_loss_streak": "2 ann=1", "max_entries_week": 6},
]
any_limits = st.builds(
    lambda amounts, times, money, exposure, pace: limits(**amounts, **times, **(money | exposure | pace)),
    any_of(
        max_positions=[1, 2, 4],
        max_contracts=[1, 5, 5],
        daily_stop_loss=[Decimal(1000), Decimal(400)],
        symbols=["ES CL SI", "ES CL SI", "ES"],
        stop_loss_on=["total", "realized"],
        point_values=["", "ES=50 CL=1000"],
    ),
    any_of(
        reservation_ms=[1, 10 * SECOND],
        flatten_ms=[1, 10 * SECOND],
        mark_stale_ms=[0, 7, MINUTE],
        on_worker_lost=["hold", "flatten"],
        zone=["America/Chicago", "America/Chicago", "Asia/Tokyo"],
        roll=["17:00", "17:00", "08:00"],
        account=["", "", "DU1"],
        account_silent_ms=[0, MINUTE],
        account_silence_denies=[False, True],
    ),
    st.one_of(
        st.just({}),
        _each_of(
            start_balance=[Decimal(50_000), Decimal(50_000), Decimal(40_000)],
            equity_floor=[Decimal(0), Decimal(49_900)],
            trailing_drawdown=[Decimal(0), Decimal(300)],
            trailing_on_realized=[False, True],
            trailing_at=["", "", "10:05"],
            trailing_zone=["America/Chicago"],
            trailing_locks_at=[Decimal(0), Decimal(50_100)],
            profit_target=[Decimal(0), Decimal(300)],
            profit_denies_only=[False, True],
            profit_from_now=[False, True],
            profit_lock_at=[Decimal(0), Decimal(200)],
            profit_lock_trail=[Decimal(0), Decimal(50)],
            consistency_percent=[0, 30],
            consistency_total=[Decimal(1000)],
            weekly_loss=[Decimal(0), Decimal(700)],
            weekly_profit=[Decimal(0), Decimal(700)],
            rolling_loss=[Decimal(0), Decimal(600)],
            rolling_days=[2, 3],
            rolling_pause_days=[0, 1],
            loss_tiers=["", "50%=tell 200=above:1 80%=deny 95%=flatten", "30%=deny 50%=tell"],
            max_forced_resumes=["", "1", "0"],
            mark_stale_denies=[False, True],
            mark_jumps=["", "ES=0 CL=1"],
            windows=[
                *("", "wed-thu/10:00..10:20=deny:ES mon-fri/10:05..10:30=flatten:CL"),
                "mon-fri/10:01..10:30=flatten sat/open..close=deny",
            ],
            mark_confirm_seconds=[1],
            loss_budget=["", "default", "deny"],
            default_risk=["ES=100 CL=250.01", "ES=100"],
            stop_costs=["", "ES=5.10"],
        ),
    ),
    st.one_of(
        st.just({}),
        _each_of(
            start_balance=[Decimal(50_000)],
            max_request_contracts=[0, 2],
            max_symbol_contracts=["", "3", "ES=1"],
            contract_weights=["", "ES=0.1 CL=2.5"],
            worker_positions=["", "1", "2 ann=1"],
            worker_contracts=["", "2"],
            worker_entries=["", "3 bob=1"],
            groups=["all=ES,CL,SI two=ES,CL", "all=ES,CL,SI two=ES,CL", "all=ES,SI two=CL"],
            group_positions=["", "2", "two=1"],
            group_contracts=["", "3 two=1.5"],
            group_one_side=["", "2"],
            worker_daily_loss=["", "100", "300 bob=50"],
            contracts_ladder=["", "49900=1 50000=3", "50000=2 50200=4"],
        ),
    ),
    st.sampled_from([{}, {}, *_PACES]),
)
"""Every rule is in force in some, in others none but those that every portfolio has."""
