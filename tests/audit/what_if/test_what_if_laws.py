"""Laws of the what-if: what holds for every log and every question, however strange."""

import os
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.coordinator.audit.what_if.baseline import Baseline, Met
from portfold.coordinator.audit.what_if.comparison import OtherBook
from portfold.coordinator.audit.what_if.findings import DayOver, LimitsOverridden, TradeEnded, TradeGone
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.events.account import ACCOUNT
from portfold.events.codec import encode
from portfold.events.incoming import Malformed
from tests.audit.in_memory import InMemory, realistic
from tests.audit.supposing import Supposed, overrides
from tests.coordinator.random_logs import Log, logs

laws = settings(max_examples=150)

_PACKAGED = {
    "max_positions": 4,
    "max_contracts": 4,
    "daily_stop_loss": 2500,
    "symbols": "6A 6B 6C 6N 6S CL ES PL RTY SI",
    "stop_loss_on": "total",
}

_questions = st.fixed_dictionaries(
    {},
    optional={
        "max_positions": st.sampled_from(["1", "2", "3", "5", "50"]),
        "max_contracts": st.sampled_from(["1", "2", "3", "6", "50"]),
        "daily_stop_loss": st.sampled_from(["1", "300", "700", "1500", "999999999"]),
        "symbols": st.sampled_from(["ES", "CL SI", "ES CL SI NQ"]),
        "stop_loss_on": st.sampled_from(["total", "realized"]),
    },
).map(Overrides.of)


@pytest.fixture(scope="module")
def busy() -> InMemory:
    """A log on which every question below turns something."""
    return realistic(4000, 4)


def _record(log: Log) -> InMemory:
    """What is no event has no fields to be written as; a word that means nothing stands for it."""
    return InMemory(
        (at, ["garbage", event.reason[:9]] if isinstance(event, Malformed) else encode(event))
        for at, event in log
    )


# --- the limits as they are -----------------------------------------------------------------------------


def _nothing_turned(supposed: Supposed) -> None:
    assert supposed.book.state == supposed.recorded
    others = [found for found in supposed.findings if not isinstance(found, DayOver | LimitsOverridden)]
    assert others == []
    for day in supposed.each(DayOver):
        assert day.recorded == day.what_if
        assert day.unknown == 0


@laws
@given(logs)
def test_without_a_question_the_other_book_is_the_recorded_one_to_the_last_field(log: Log) -> None:
    _nothing_turned(Supposed(_record(log).recorded(), Overrides()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_the_limits_that_are_on_a_realistic_log_nothing_turns(seed: int) -> None:
    supposed = Supposed(realistic(4000, seed).recorded(), overrides(**_PACKAGED))
    assert supposed.recorded.stats.events_rejected > 0
    assert supposed.recorded.stats.total_entries_blocked > 0
    _nothing_turned(supposed)


# --- other limits ---------------------------------------------------------------------------------------


def _excluded(met: Met, book: OtherBook) -> None:
    """The other book holds what the recorded one does, less what is excluded; it never holds more.

    What only the account has joins a book at a stop, and each book has stops of its own.
    """
    recorded, others = (
        {key: held for key, held in positions.items() if held.worker != ACCOUNT}
        for positions in (met.state.positions, book.state.positions)
    )
    for key, held in recorded.items():
        other = others.get(key)
        assert held.size - (other.size if other else 0) == book.excluded.contracts(key)
    assert set(others) <= set(recorded)


@laws
@given(logs, _questions)
def test_the_other_book_is_the_recorded_one_without_what_is_excluded(log: Log, question: Overrides) -> None:
    baseline, book = Baseline(), OtherBook(question)
    for one in _record(log).recorded():
        met = baseline.meet(one)
        book.hear(met)
        _excluded(met, book)
    book.end(baseline.state)


@laws
@given(logs, _questions)
def test_whatever_is_asked_the_recorded_side_stays_what_it_was(log: Log, question: Overrides) -> None:
    record = _record(log)
    plain, other = Supposed(record.recorded(), Overrides()), Supposed(record.recorded(), question)
    assert other.recorded == plain.recorded
    assert [day.recorded for day in other.each(DayOver)] == [day.recorded for day in plain.each(DayOver)]


@pytest.mark.parametrize(
    "question",
    [
        {"max_positions": 3},
        {"max_positions": 1, "daily_stop_loss": 800},
        {"max_positions": 8, "max_contracts": 8},
        {"daily_stop_loss": 500},
        {"daily_stop_loss": 9000},
        {"symbols": "ES CL 6B"},
    ],
)
def test_the_difference_in_pnl_is_that_of_the_trades_that_are_gone_or_ended(
    question: dict[str, Any], busy: InMemory
) -> None:
    supposed = Supposed(busy.recorded(), overrides(**question))
    tally = supposed.tally
    gone = sum(((one.pnl + one.open_pnl) for one in supposed.each(TradeGone)), Decimal(0))
    ended = sum(
        ((one.pnl + one.open_pnl - (one.pnl_at_stop or 0)) for one in supposed.each(TradeEnded)), Decimal(0)
    )
    assert tally.recorded.figures.pnl - tally.what_if.figures.pnl == gone + ended
    assert tally.turned > 0


def test_what_is_remembered_does_not_grow_with_the_log() -> None:
    baseline, book = Baseline(), OtherBook(overrides(max_positions=2, daily_stop_loss=900))
    sizes = []
    for number, one in enumerate(realistic(30_000, 5).recorded(), start=1):
        book.hear(baseline.meet(one))
        if number in (22_000, 30_000):  # before, the sessions it keeps are not all begun
            sizes.append(len(pickle.dumps(vars(book))) - len(pickle.dumps(book.state)))
    early, all_of_it = sizes
    assert all_of_it < early + 1_000


_PRINT_THEM = """
import hashlib, msgspec
from tests.audit.in_memory import realistic
from tests.audit.supposing import asked
found = asked(realistic(3000, 2), max_positions=2, daily_stop_loss=700)
assert len(found) > 50
print(hashlib.sha256(msgspec.json.encode(found)).hexdigest())
"""


def test_the_findings_are_the_same_whatever_the_hash_seed() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_THEM],
            cwd=Path(__file__).parents[3],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
