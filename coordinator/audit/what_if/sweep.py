"""A sweep: a what-if for each value of a limit, or each pair of values of two, in one reading of the log."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product

from msgspec import Struct

from portfold.coordinator.audit.what_if.comparison import what_if_each
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.audit.what_if.tally import Tally
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import RefusedField

SWEEPABLE = (
    *("max_positions", "max_contracts", "daily_stop_loss"),
    *("equity_floor", "trailing_drawdown", "trailing_locks_at"),
    *("profit_target", "profit_lock_at", "profit_lock_floor", "profit_lock_trail"),
    *("consistency_percent", "consistency_total", "weekly_loss", "weekly_profit"),
    *("rolling_loss", "rolling_days", "rolling_pause_days", "mark_confirm_seconds"),
    *("max_request_contracts", "max_symbol_contracts"),
    *("worker_positions", "worker_contracts", "worker_entries", "worker_daily_loss"),
    *("group_positions", "group_contracts", "group_one_side"),
    *("max_entries", "max_entries_week", "worker_entries_week", "symbol_entries", "symbol_entries_week"),
    *("loss_streak", "loss_streak_minutes", "worker_loss_streak", "worker_loss_streak_minutes"),
    *("loss_streak_within", "worker_loss_streak_within", "symbol_loss_streak_within"),
    *("symbol_loss_streak", "symbol_loss_streak_minutes", "worker_rate", "worker_burst", "rate_repeats"),
)
MOST_POINTS = 200
_MOST_RANGES = 2
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?").fullmatch


class Range(Struct, frozen=True):
    """The values that a limit takes in turn."""

    name: str
    values: tuple[Decimal, ...]


class Point(Struct, frozen=True):
    """One question of a sweep: a value for each range, and what came of it."""

    values: tuple[Decimal, ...]
    tally: Tally


def read_range(text: str) -> Range:
    """Reads `max_positions=1..6` or `daily_stop_loss=1000..4000:500`. Raises RefusedField."""
    name, _, rest = text.partition("=")
    bounds, colon, step_text = rest.partition(":")
    first_text, dots, last_text = bounds.partition("..")
    numbers = (first_text, last_text, step_text if colon else "1")
    if name not in SWEEPABLE or not dots or not all(map(_NUMBER, numbers)):
        raise RefusedField(_expected(text))
    first, last, step = map(Decimal, numbers)
    if first > last or step == 0:
        raise RefusedField(_expected(text))
    count = int((last - first) / step) + 1
    if count > MOST_POINTS:
        raise RefusedField(f"{text[:80]}: expected at most {MOST_POINTS} values, got {count:,}")
    return Range(name, tuple(first + step * number for number in range(count)))


def sweep(
    recorded: Iterable[Recorded], ranges: Sequence[Range], fixed: Mapping[str, str] | None = None
) -> list[Point]:
    """Asks for each combination of values, the last range running fastest; `fixed` limits are alike in all.

    Raises RefusedField, LogDiffers, and what reading raises.
    """
    questions = questions_of(ranges, fixed or {})
    tallies = asked(recorded, [overrides for _, overrides in questions])
    return [Point(values, tally) for (values, _), tally in zip(questions, tallies, strict=True)]


def asked(recorded: Iterable[Recorded], questions: Sequence[Overrides]) -> list[Tally]:
    """Asks all the questions in one reading. Raises LogDiffers, and what reading raises."""
    tallies = [Tally() for _ in questions]
    for number, found in what_if_each(recorded, questions):
        tallies[number].add(found)
    return tallies


def questions_of(
    ranges: Sequence[Range], fixed: Mapping[str, str]
) -> list[tuple[tuple[Decimal, ...], Overrides]]:
    """Lists the combinations of values, each with its question. Raises RefusedField."""
    names = [*fixed, *(limit.name for limit in ranges)]
    for name in names:
        if names.count(name) > 1:
            raise RefusedField(f"{name}: expected once, got it more than once")
    if not 1 <= len(ranges) <= _MOST_RANGES:
        raise RefusedField(f"sweep: expected one range or two, got {len(ranges)}")
    combinations = list(product(*(limit.values for limit in ranges)))
    if len(combinations) > MOST_POINTS:
        raise RefusedField(f"sweep: expected at most {MOST_POINTS} combinations, got {len(combinations):,}")
    return [(values, Overrides.of({**fixed, **_texts(ranges, values)})) for values in combinations]


def _texts(ranges: Sequence[Range], values: Sequence[Decimal]) -> dict[str, str]:
    return {one.name: f"{value:f}" for one, value in zip(ranges, values, strict=True)}


def _expected(text: str) -> str:
    return (
        f"{text[:80]}: expected a limit and its range, such as max_positions=1..6 or "
        f"daily_stop_loss=1000..4000:500; the limits are {', '.join(SWEEPABLE)}"
    )
