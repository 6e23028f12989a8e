"""The law that more rules never allow more, and what exactly is true of it.

Two portfolios hear the same events, one of them under more rules or tighter numbers. They are one portfolio
until the tighter latches something or answers otherwise; the first answer that differs is its denial. From
there on they hold different slots, so nothing more is said of them. Nor once what it latched has lifted: a
limit that flattens takes back the slots that were pending, so afterwards it may have more room. Asked of one
folded state, with only the limits ordered tighter, it is true at any moment.

How a rule is reckoned is neither more nor less, and is alike in both: the balance that equity counts from
(beside `consistency_percent` one more may even make the total larger), whether profit counts from now, when a
peak counts, and which mark jumps: a loss that nobody confirmed counts later, which is what that rule is for.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.limits import order_of
from portfold.coordinator.fold.rules.table import why_not
from portfold.coordinator.fold.state import State, Worker
from portfold.events.account import CashMoved
from portfold.events.decisions import Decision, EntryAllowed
from portfold.events.fields import Side
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    TradingResumed,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId
from tests.coordinator.random_logs import Log, logs
from tests.coordinator.story import DAY, SECOND, WEDNESDAY, limits

laws = settings(max_examples=60, deadline=None)
_ASKS = "asker"
_REQUESTS = [
    EntryRequested(_ASKS, "s1", 1, symbol, "long", size)
    for symbol, size in (("ES", 1), ("CL", 1), ("SI", 2), ("ES", 3))
]


def _begun() -> State:
    """A state that knows who asks."""
    return State(workers={_ASKS: Worker(session="s1", presence="up")})


def _less(number: str, most: int) -> Callable[[LimitsChanged], Mapping[str, Any]]:
    """Returns what puts a bound of at most so many dollars in force, or half of the one there is."""

    def tighten(limits: LimitsChanged) -> Mapping[str, Any]:
        there = getattr(limits, number)
        return {number: there / 2 if there else Decimal(most)}

    return tighten


def _floors(limits: LimitsChanged) -> Mapping[str, Any]:
    """Floors need a balance; where there is none nothing is tightened."""
    if not limits.start_balance:
        return {}
    floor = max(limits.equity_floor, limits.start_balance - 150)
    return {"equity_floor": floor, **_less("trailing_drawdown", 200)(limits)}


TIGHTER: Mapping[str, Callable[[LimitsChanged], Mapping[str, Any]]] = {
    "positions": lambda limits: {"max_positions": max(1, limits.max_positions - 1)},
    "contracts": lambda limits: {"max_contracts": max(1, limits.max_contracts - 1)},
    "symbols": lambda limits: {"symbols": limits.symbols.split(" ")[0]},
    "day's stop": lambda limits: {"daily_stop_loss": limits.daily_stop_loss / 2},
    "floors": _floors,
    "target": _less("profit_target", 250),
    "lock": _less("profit_lock_at", 150),
    "lock's trail": _less("profit_lock_trail", 40),
    "consistency": lambda limits: {
        "consistency_percent": limits.consistency_percent // 2 or 20,
        "consistency_total": limits.consistency_total or Decimal(1000),
    },
    "week's loss": _less("weekly_loss", 500),
    "week's profit": _less("weekly_profit", 500),
    "last days": lambda limits: {
        **_less("rolling_loss", 400)(limits),
        "rolling_days": limits.rolling_days or 2,
    },
    "tiers": lambda limits: {"loss_tiers": f"{limits.loss_tiers} 20%=above:1 40%=deny".strip()},
    "resumes": lambda _: {"max_forced_resumes": "0"},
    "stale marks": lambda _: {"mark_stale_denies": True},
    "silence": lambda _: {"account_silence_denies": True},
}
ways = st.sets(st.sampled_from(list(TIGHTER)), min_size=1, max_size=5)


def tightened(limits: LimitsChanged, ways: set[str]) -> LimitsChanged:
    """Returns the order with more rules, or tighter numbers."""
    for way in sorted(ways):
        limits = structs.replace(limits, **TIGHTER[way](limits))
    return limits


# --- histories in which money moves, and little else --------------------------------------------------------

_PLAIN = limits(start_balance=Decimal(50_000), daily_stop_loss=Decimal(1000))
_TRADER: tuple[str, str, int, str, Side] = ("trader", "s1", 0, "ES", "long")
_PRICE = Decimal(100)
_DOLLARS = [Decimal(dollars) for dollars in (-400, -150, -90, 60, 150, 260)]


def _alone(event: Event) -> list[Event]:
    return [event]


def _traded(dollars: Decimal) -> list[Event]:
    """A trade that makes so much, and is marked so before."""
    closed = PositionClosed(*_TRADER, 1, _PRICE, Decimal(0), dollars)
    return [PositionOpened(*_TRADER, 1, _PRICE), PositionMarked(*_TRADER, _PRICE, dollars), closed]


def _held(dollars: Decimal) -> list[Event]:
    """A trade that is marked, and open from then on."""
    return _traded(dollars)[:2]


def _written(first: set[str], steps: list[list[Event]]) -> Log:
    """Each a second after the one before, a tick a day; workers' events with their numbers."""
    log: Log = [(StreamId(WEDNESDAY, 0), CoordinatorStarted("host", 1, FOLD_VERSION))]
    events = [tightened(_PLAIN, first), *(event for step in steps for event in step)]
    ms = WEDNESDAY
    for seq, event in enumerate(events, start=1):
        ms += DAY if isinstance(event, ClockTicked) else SECOND
        numbered = structs.replace(event, seq=seq) if isinstance(event, WorkerEvent) else event
        log.append((StreamId(ms, 0), numbered))
    return log


_steps = st.lists(
    st.one_of(
        st.sampled_from(_DOLLARS).map(_traded),
        st.sampled_from(_DOLLARS).map(_held),
        st.sampled_from([CashMoved("ann", "", Decimal(dollars)) for dollars in (-200, 300)]).map(_alone),
        st.sampled_from([TradingResumed("ann", "", force=force) for force in (False, True)]).map(_alone),
        ways.map(lambda found: _alone(tightened(_PLAIN, found))),
        st.just([ClockTicked()]),
    ),
    min_size=3,
    max_size=25,
)
histories = st.one_of(st.builds(_written, ways, _steps), logs)
"""Of the money, and of everything else."""


def allows(decisions: list[Decision]) -> bool:
    return any(isinstance(one, EntryAllowed) for one in decisions)


def may_enter(state: State, request: EntryRequested) -> bool:
    """Whether the entry would be allowed; asking changes nothing."""
    return state.limits is not None and why_not(state, state.limits, request) is None


def latched(state: State) -> set[str]:
    """Everything that denies until it lifts, by its name."""
    return {*state.locks, *(["stop"] if state.stop is not None else [])}


@laws
@given(histories, ways)
def test_until_two_portfolios_part_more_rules_allow_nothing_that_fewer_deny(log: Log, ways: set[str]) -> None:
    fewer, more = _begun(), _begun()
    before: set[str] = set()
    for at, event in log:
        here = there = event
        if isinstance(event, LimitsChanged):
            here = structs.replace(event, profit_from_now=False)
            there = tightened(here, ways)
        loose, tight = fold(fewer, at, here), fold(more, at, there)
        if before - latched(more):
            return
        before = latched(more)
        assert allows(loose) or not allows(tight)
        if allows(loose) != allows(tight):
            return
        for request in _REQUESTS:
            assert may_enter(fewer, request) or not may_enter(more, request)


@laws
@given(histories, ways, st.integers(5, 60))
def test_of_the_same_state_tighter_limits_allow_no_more(log: Log, ways: set[str], events: int) -> None:
    state, at = _begun(), StreamId(0, 0)
    for at, event in log[:events]:
        fold(state, at, event)
    assert state.limits is not None
    order = structs.replace(order_of(state.limits), profit_from_now=False)
    loose, tight = (ordered(state, limits, at) for limits in (order, tightened(order, ways)))
    for request in _REQUESTS:
        assert may_enter(loose, request) or not may_enter(tight, request)


def ordered(state: State, limits: LimitsChanged, at: StreamId) -> State:
    """A copy of the state, with these limits ordered."""
    state = deepcopy(state)
    fold(state, StreamId(at.ms, at.seq + 1), limits)
    return state
