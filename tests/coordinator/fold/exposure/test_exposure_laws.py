"""Laws of exposure over random logs: no grant goes beyond what there may be, and no exit is ever in the way.

What is granted is counted here by a second, naive hand: from the decisions and the state's own legs alone.
"""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.coordinator.fold.limits import RULES_THAT_MAY_BE_ABSENT, Limits, limits_of
from portfold.coordinator.fold.rules.table import EXPOSURE, why_not
from portfold.coordinator.fold.state import Position, Reservation, State
from portfold.events.decisions import EntryAllowed, EntryDenied, EventRejected
from portfold.events.incoming import EntryRequested, PositionClosed
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import each, limits

laws = settings(max_examples=80, deadline=None)


def numbers(text: str) -> dict[str, Decimal]:
    """Each number by its name, that for all under ''; 0 is none."""
    words = [word.rpartition("=") for word in text.split()]
    return {name: Decimal(number) for name, _, number in words}


def limit_of(text: str, name: str) -> Decimal | None:
    found = numbers(text)
    return found.get(name, found.get("")) or None


def held(state: State) -> list[tuple[str, str, str, int, str]]:
    """Symbol, side, worker, size and leg of all that is held or reserved."""
    both: list[tuple[str, Position | Reservation]] = [*state.positions.items(), *state.reservations.items()]
    return [(one.symbol, one.side, one.worker, one.size, key) for key, one in both]


def beyond(state: State, limits: Limits, asked: EntryAllowed) -> list[str]:
    """What is taken beyond its limit, once the entry that was asked for is reserved."""
    weights = numbers(limits.contract_weights)
    legs = held(state)

    def by_weight(some: list[tuple[str, str, str, int, str]]) -> Decimal:
        return sum((size * weights.get(symbol, Decimal(1)) for symbol, _, _, size, _ in some), Decimal(0))

    def slots(some: list[tuple[str, str, str, int, str]]) -> int:
        return len({key for *_, key in some})

    def over(text: str, name: str, used: Decimal | int) -> bool:
        most = limit_of(text, name)
        return most is not None and used > most

    own = [leg for leg in legs if leg[2] == asked.worker]
    of_symbol = sum(size for symbol, _, _, size, _ in legs if symbol == asked.symbol)
    found = [
        ("request", bool(limits.max_request_contracts) and asked.size > limits.max_request_contracts),
        ("symbol", over(limits.max_symbol_contracts, asked.symbol, of_symbol)),
        ("worker positions", over(limits.worker_positions, asked.worker, slots(own))),
        ("worker contracts", over(limits.worker_contracts, asked.worker, by_weight(own))),
        ("contracts", by_weight(legs) > limits.max_contracts),
    ]
    for group in limits.groups.split():
        name, _, symbols = group.partition("=")
        members = [leg for leg in legs if leg[0] in symbols.split(",")]
        if asked.symbol not in symbols.split(","):
            continue
        side = [leg for leg in members if leg[1] == asked.side]
        found += [
            (f"{name} positions", over(limits.group_positions, name, slots(members))),
            (f"{name} contracts", over(limits.group_contracts, name, by_weight(members))),
            (f"{name} side", over(limits.group_one_side, name, by_weight(side))),
        ]
    return [what for what, is_over in found if is_over]


@laws
@given(logs)
def test_no_grant_goes_beyond_what_there_may_be(log: Log) -> None:
    for moment in moments(log):
        for allowed in each(EntryAllowed, moment.decisions):
            if allowed.repeats or moment.state.limits is None:
                continue
            assert beyond(moment.state, moment.state.limits, allowed) == []


@laws
@given(logs)
def test_no_worker_is_granted_more_entries_than_a_day_may_have(log: Log) -> None:
    day, filled, open_slots = "", dict[str, set[str]](), dict[str, str]()
    for moment in moments(log):
        state = moment.state
        if state.day.date != day:
            day, filled = state.day.date, {}
        for allowed in each(EntryAllowed, moment.decisions):
            text = state.limits.worker_entries if state.limits else ""
            most = limit_of(text, allowed.worker)
            pending = [one for one in state.reservations.values() if one.worker == allowed.worker]
            if not allowed.repeats and most is not None:
                untouched = sum(not one.entered for one in pending)
                assert len(filled.get(allowed.worker, set())) + untouched <= most
        for key, slot in state.reservations.items():
            open_slots[key] = slot.request
        gone = [key for key in open_slots if key not in state.reservations]
        for key in gone:
            request, opened = open_slots.pop(key), state.positions.get(key)
            if opened is not None and opened.opened == str(moment.at):
                filled.setdefault(opened.worker, set()).add(request)


@laws
@given(logs)
def test_no_close_is_refused_by_what_there_may_be(log: Log) -> None:
    codes = {rule.code for rule in EXPOSURE}
    for moment in moments(log):
        if isinstance(moment.event, PositionClosed):
            assert each(EntryDenied, moment.decisions) == []
            for refused in each(EventRejected, moment.decisions):
                assert not any(code in refused.reason for code in codes)


RULES: dict[str, Any] = {
    "max_request_contracts": 2,
    "max_symbol_contracts": "2",
    "worker_positions": "1",
    "worker_contracts": "2",
    "worker_entries": "2",
    "worker_daily_loss": "100",
    "group_positions": "1",
    "group_contracts": "2",
    "group_one_side": "1",
    "contracts_ladder": "50000=2",
    "equity_floor": Decimal(49_000),
    "worker_entries_week": "2",
    "symbol_entries": "1",
    "symbol_entries_week": "2",
    "max_entries": 2,
    "max_entries_week": 3,
    "worker_rate": "1",
}
BESIDE = {"groups": "all=ES,CL,SI two=ES", "start_balance": Decimal(50_000)}


@laws
@given(logs, st.sets(st.sampled_from(sorted(RULES))), st.sampled_from(sorted(RULES)))
def test_one_rule_more_never_allows_what_was_denied(log: Log, some: set[str], another: str) -> None:
    fewer = limits_of(limits(**BESIDE, **{name: RULES[name] for name in some}))
    more = limits_of(limits(**BESIDE, **{name: RULES[name] for name in some | {another}}))
    for moment in moments(log):
        request = moment.event
        if not isinstance(request, EntryRequested) or request.worker not in moment.state.workers:
            continue  # to an earlier version of the fold it was no request
        if why_not(moment.state, fewer, request) is not None:
            assert why_not(moment.state, more, request) is not None


def test_every_rule_of_exposure_has_a_number_in_the_law() -> None:
    assert {rule.code for rule in EXPOSURE} <= RULES.keys()
    assert {rule.keys[0] for rule in EXPOSURE} <= RULES_THAT_MAY_BE_ABSENT.keys()
