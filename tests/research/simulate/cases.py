"""What the simulator and real processes are held against each other under: windows, sessions, pace."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from portfold.cli.operate.calendar.past_sessions import known_sessions
from portfold.config import Configuration, load
from portfold.events.calendar import sessions_of
from portfold.exchange_time import local_time, milliseconds_of
from portfold.research.simulate.scenario import Scenario
from tests.processes import config_folder
from tests.research.made import CHICAGO
from tests.research.simulate.test_laws import SYMBOLS

POSITIONS = 3


class Case(NamedTuple):
    """What is traded under: `limits` beside the usual, and what has to have come of it to be a proof.

    `flat_at` is when the windows that flatten closed something, on the clocks of Chicago.
    """

    limits: Mapping[str, object] = MappingProxyType({})
    with_bars: bool = True
    seed: int = 21
    stop: int = 1000
    stops: int = 2
    codes: frozenset[str] = frozenset(("", "max_positions", "stopped_out"))
    flat_at: frozenset[str] = frozenset()
    reached: frozenset[str] = frozenset()


PACE = {
    "max_entries": 8,
    "max_entries_week": 30,
    "symbol_entries": "2",
    "symbol_entries_week": "6",
    "loss_streak": 3,
    "loss_streak_minutes": 120,
    "symbol_loss_streak": "2",
    "symbol_loss_streak_minutes": "300",
    "worker_rate": "0.01",
    "rate_repeats": 1,
}
CASES = {
    "final P&L": Case(with_bars=False),
    "bars": Case(),
    "windows by the clock and by the session": Case(
        {
            "windows": "mon-fri/14:37..14:50=flatten:half mon-fri/close-10..close=flatten "
            "mon-fri/close-120..close-60=deny",
            "groups": f"half={','.join(SYMBOLS[::2])}",
        },
        codes=frozenset(("", "max_positions", "stopped_out", "window")),
        flat_at=frozenset(("14:36", "15:50")),
    ),
    "entries, streaks and rates": Case(
        PACE,
        seed=10,
        stop=9000,
        stops=0,
        codes=frozenset(
            (
                *("", "max_entries", "max_entries_week", "symbol_entries", "symbol_entries_week"),
                *("loss_streak", "scope_closed", "rate_limited"),
            )
        ),
        reached=frozenset(("loss_streak", "symbol_loss_streak", "rate_repeats")),
    ),
}


def configured(tmp_path: Path, case: Case) -> Configuration:
    usual = {"max_positions": POSITIONS, "daily_stop_loss": case.stop, "symbols": list(SYMBOLS)}
    runtime = {"mark_stale_seconds": 31 * 86_400}
    folder = config_folder(tmp_path / "config", limits={**usual, **case.limits}, runtime=runtime)
    return load(str(folder), {}, Path("/"))


def in_session(scenario: Scenario) -> Scenario:
    """The scenario with the sessions that its windows need, as its user has them: by the library."""
    moments = scenario.timeline.opening.ms, scenario.timeline.happenings[-1].at.ms
    known = known_sessions(scenario.limits, moments, None, "")
    return scenario if known is None else scenario.with_sessions(known)


def begins_of(scenario: Scenario) -> list[int]:
    """When the windows that flatten begin on the days of the trades, early enough to be flat in time."""
    if not scenario.limits.windows:
        return []
    first, last = (scenario.timeline.happenings[index].at.ms for index in (0, -1))
    at = time.fromisoformat(scenario.limits.windows.partition("/")[2].partition("..")[0])
    days = [local_time(first, CHICAGO).date() + timedelta(days=number) for number in range(60)]
    shown = (datetime.combine(day, at, tzinfo=CHICAGO) for day in days if day.weekday() < 5)
    by_clock = [milliseconds_of(moment) - scenario.limits.flatten_ms for moment in shown]
    ((_, published),) = scenario.timeline.published
    by_close = [one.closes_ms - 10 * 60_000 for one in sessions_of(published.sessions)]
    return sorted(ms for ms in (*by_clock, *by_close) if first < ms < last)
