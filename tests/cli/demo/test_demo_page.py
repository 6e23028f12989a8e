"""What the demo shows, from a log written here: its screen, its lines, its totals, its checks."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from portfold.cli.demo.last_page import checks, looking_lines, totals_lines
from portfold.cli.demo.market import DemoMarket, recorded_market, synthetic_market
from portfold.cli.demo.screen import picture
from portfold.cli.demo.sight import Sight
from portfold.cli.demo.totals import LogTotals
from portfold.cli.exits import Unusable
from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.coordinator.audit.record.verify import Verified
from portfold.coordinator.configured import configured_limits
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Difference
from portfold.events.codec import encode_checked
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from portfold.events.wire.keys import Keys

CONFIGURATION = load(str(PACKAGED), {}, PACKAGED)
LIMITS = replace(configured_limits(CONFIGURATION), max_positions=2, mark_stale_ms=31 * 86_400_000)
NINE = datetime(2025, 1, 6, 15, tzinfo=UTC)  # in Chicago
ES, CL, SI = ("ibs-ES", "s"), ("ibs-CL", "s"), ("ibs-SI", "s")


def entries(told: Iterable[tuple[float, Event]]) -> list[Entry]:
    """Events at so many hours after nine, as they lie on the log."""
    start = int(NINE.timestamp() * 1000)
    return [
        Entry(StreamId(start + int(hours * 3_600_000), n), encode_checked(event))
        for n, (hours, event) in enumerate(told)
    ]


def bad_day() -> list[tuple[float, Event]]:
    """Two positions, a third denied, a mark that breaks the limit, both closed."""
    return [
        (0, LIMITS),
        (0, WorkerStarted(*ES, 1, symbols="ES")),
        (0, WorkerStarted(*CL, 1, symbols="CL")),
        (1, EntryRequested(*ES, 2, "ES", "long", 1)),
        (1, PositionOpened(*ES, 3, "ES", "long", 1, Decimal(6000))),
        (1, EntryRequested(*CL, 2, "CL", "long", 1)),
        (1, PositionOpened(*CL, 3, "CL", "long", 1, Decimal(70))),
        (1, EntryRequested(*SI, 1, "SI", "long", 1)),
        (2, PositionMarked(*ES, 4, "ES", "long", Decimal(5940), Decimal(-3000))),
        (2, PositionClosed(*CL, 4, "CL", "long", 1, Decimal(70), Decimal(5), Decimal(-5))),
        (2, PositionClosed(*ES, 5, "ES", "long", 1, Decimal(5940), Decimal(5), Decimal(-3005))),
    ]


def next_day() -> list[tuple[float, Event]]:
    return [
        (24, ClockTicked()),
        (24, EntryRequested(*ES, 6, "ES", "long", 1)),
        (24, PositionOpened(*ES, 7, "ES", "long", 1, Decimal(5950))),
    ]


def seen(told: list[tuple[float, Event]], *, every_ms: float = 2.0) -> Sight:
    sight = Sight()
    for n, entry in enumerate(entries(told)):
        sight.see_event(entry, n * every_ms / 1000)
    return sight


def counted(told: list[tuple[float, Event]]) -> tuple[LogTotals, Verified]:
    totals, follower, decisions = LogTotals(), Follower(), 0
    for entry in entries(told):
        decided = follower.advance(entry.id, entry.fields)
        totals.see(decided, follower.state)
        decisions += len(decided.decisions)
    days = len(totals.days)
    return totals, Verified(len(told), decisions, days, follower.cursor, follower.chain, follower.state)


def market(days: int = 2) -> DemoMarket:
    return synthetic_market(CONFIGURATION, symbols=("ES",), first=None, days=days, seed=7)


def drawn(told: list[tuple[float, Event]], *, width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, file=StringIO(), record=True)
    view = seen(told).view()
    console.print(picture(view, market=market(), steps=5, phase="trading", height=height - 1))
    return console.export_text().splitlines()


# --- seeing -----------------------------------------------------------------------------------------------


def test_a_stop_is_timed_from_the_report_that_broke_the_limit_to_each_close() -> None:
    (stop,) = seen(bad_day(), every_ms=2.0).view().stops
    assert [(symbol, round(took or 0, 6)) for symbol, took in stop.took_ms] == [("CL", 2.0), ("ES", 4.0)]


def test_a_leg_that_is_not_closed_yet_has_no_time() -> None:
    (stop,) = seen(bad_day()[:-1]).view().stops
    assert dict(stop.took_ms)["ES"] is None


def test_the_notes_tell_the_days_the_stop_and_nothing_of_the_everyday() -> None:
    notes = [told.line.text for told in seen(bad_day() + next_day()).take_notes()]
    assert [note.partition(" |")[0] for note in notes] == [
        "Limits ordered: max_positions=2, max_contracts=4, daily_stop_loss=$2,500",
        "🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨",
        "Flat in real time: CL 2.0 ms, ES 4.0 ms",
        "2025-01-06",
    ]
    assert "asked   3 allowed   2 denied   1 | exits   2 | most open 2 | STOPPED OUT" in notes[-1]


def test_each_day_has_its_line_at_the_time_it_ended_and_the_last_one_where_the_log_does() -> None:
    sight = seen(bad_day() + next_day())
    sight.end()
    lines = [told for told in sight.take_notes() if "| asked" in told.line.text]
    ends = datetime(2025, 1, 6, 23, tzinfo=UTC), NINE + timedelta(hours=24)  # the first is 17:00 in Chicago
    assert [datetime.fromtimestamp(told.at_ms / 1000, UTC) for told in lines] == list(ends)
    first, last = (told.line.text for told in lines)
    assert (first[:10], last[:10]) == ("2025-01-06", "2025-01-07")
    assert "asked   1 allowed   1 denied   0 | exits   0 | most open 1" in last


def test_notes_are_told_once() -> None:
    sight = seen(bad_day())
    assert sight.take_notes() != []
    assert sight.take_notes() == []


# --- the screen -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 50), (120, 30), (40, 24)])
@pytest.mark.parametrize("upto", [0, 1, 8, 9, 11, 14])
def test_the_picture_fits_the_terminal(width: int, height: int, upto: int) -> None:
    lines = drawn((bad_day() + next_day())[:upto], width=width, height=height)
    assert len(lines) <= height - 1
    assert max(map(len, lines)) <= width


def test_the_picture_shows_positions_with_owner_and_open_profit_and_the_loss_against_the_limit() -> None:
    marked = (1.5, PositionMarked(*ES, 4, "ES", "long", Decimal(5980), Decimal(-1000)))
    shown = "\n".join(drawn([*bad_day()[:8], marked]))
    assert "Positions  ●●  2 open of 2" in shown
    assert "Daily P&L  $-1,000.00" in shown
    assert "40% stop at $-2,500.00" in shown
    assert "ES    long   1 @ 6000         ibs-ES             30 m 00 s   $-1,000.00" in shown
    assert "CL    long   1 @ 70           ibs-CL             30 m 00 s      no mark" in shown
    assert "3 asked   2 allowed   1 denied" in shown
    assert "max_positions 1" in shown
    assert "Mon 06 Jan 2025 10:30 Chicago" in shown


def test_the_picture_shows_the_stop_and_each_time_to_flat() -> None:
    shown = "\n".join(drawn(bad_day()))
    assert "Chicago  STOPPED OUT" in shown
    assert "Daily P&L  $-3,010.00" in shown
    assert "100% stop at $-2,500.00" in shown
    assert "06 Jan 11:00 CST at $-3,000.00, flat after CL 2, ES 4 ms" in shown


# --- the last page ----------------------------------------------------------------------------------------


def test_the_totals_are_those_of_the_log() -> None:
    totals, _ = counted(bad_day() + next_day())
    assert totals_lines(totals) == [
        "2 trading days, 2025-01-06 to 2025-01-07: 2 trades, P&L $-3,010.00",
        "Entries: 4 asked, 3 allowed, 1 denied",
        "Denied: max_positions 1",
        "Stopped out 2025-01-06 at $-3,000.00, day's P&L $-3,010.00, next entry 2025-01-07\n"
        "  $10.00 below the stop: it closes at the market, which costs commission and slippage",
    ]


def test_a_good_log_passes_every_check() -> None:
    totals, replayed = counted(bad_day() + next_day())
    assert [check.text for check in checks(totals, replayed, 1.0) if not check.holds] == []


def test_more_positions_than_the_limit_fail_the_check() -> None:
    uninvited = [(1.5, PositionOpened(*SI, 2, "SI", "long", 1, Decimal(30)))]
    failed = failing([*bad_day()[:8], *uninvited])
    assert failed == [
        "Never more than 2 open: most at once 3",
        "Facts that broke a limit: ungranted 1, max_positions 1",
    ]


def test_a_fill_that_crossed_a_stop_on_its_way_is_told_and_is_no_failure() -> None:
    told = bad_day()
    crossing = (2.0, PositionOpened(*SI, 2, "SI", "long", 1, Decimal(30)))
    closed = (2.0, PositionClosed(*SI, 3, "SI", "long", 1, Decimal(30), Decimal(5), Decimal(-5)))
    totals, replayed = counted([*told, crossing, closed])
    assert failing([*told, crossing, closed]) == []
    assert "and 1 granted before a stop and filled after it" in checks(totals, replayed, 1.0)[1].text


def test_a_flatten_that_has_not_ended_fails_the_check() -> None:
    assert failing(bad_day()[:-1]) == ["Every flatten ended with all of it confirmed closed"]


def test_a_rejected_event_fails_the_check() -> None:
    assert failing([*bad_day(), (2, PositionMarked(*ES, 6, "ES", "long", Decimal(1), Decimal(0)))]) == [
        "Events rejected: 1"
    ]


def test_a_decision_that_is_not_reproduced_fails_the_check() -> None:
    totals, replayed = counted(bad_day())
    differing = replace(replayed, difference=Difference(ORIGIN, ORIGIN, "Decision 1-0 is not there."))
    assert [check.text for check in checks(totals, differing, 1.0) if not check.holds] == [
        "Decision 1-0 is not there."
    ]


def failing(told: list[tuple[float, Event]]) -> list[str]:
    return [check.text for check in checks(*counted(told), 1.0) if not check.holds]


@pytest.mark.parametrize(
    ("kept_pid", "told"), [(None, "portfold server --dir '/a b/server' --port 7"), (99, "kill 99")]
)
def test_the_page_ends_with_how_to_look_at_the_log(kept_pid: int | None, told: str) -> None:
    folder, book = Path("/a b"), Path("/a b/paper-main.sqlite")
    lines = looking_lines(
        Keys("main"), folder, book, port=7, credentials=folder / "u.json", kept_pid=kept_pid, since="5-0"
    )
    assert any(told in line for line in lines)
    assert "  redis-cli -p 7 HGETALL 'portfolio:{main}:status'" in lines
    assert any(str(book) in line for line in lines)
    assert "  export PORTFOLD_CREDENTIALS='/a b/u.json'" in lines
    assert "  portfold flattener --url redis://127.0.0.1:7/0 --config '/a b'" in lines


# --- the market -------------------------------------------------------------------------------------------


def test_a_market_is_cut_to_whole_trading_days() -> None:
    two = market(days=2)
    assert two.days == ("2025-01-06", "2025-01-07")
    assert two.length == len(list(two.steps())) == 46
    assert two.first == next(two.steps())[0]
    assert two.first == datetime(2025, 1, 6, 0, tzinfo=UTC)


def test_a_market_of_files_begins_where_it_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bars")
    days = [date(2025, 1, 6) + timedelta(days=n) for n in range(4)]
    for symbol in ("ES", "ZZ"):
        lines = [f"{day},1,1,1,1" for day in days]
        (folder / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close", *lines, ""]))
    found = recorded_market(CONFIGURATION, folder, symbols=(), first=days[1], days=2)
    assert found.symbols == ("ES",)
    assert found.days == ("2025-01-07", "2025-01-08")
    assert [list(bars) for _, bars in found.steps()] == [["ES"], ["ES"]]
    with pytest.raises(Unusable, match="--from: expected an earlier date"):
        recorded_market(CONFIGURATION, folder, symbols=(), first=date(2026, 1, 5), days=2)
    with pytest.raises(Unusable, match="--symbols: expected symbols with a contract, got 'ZZ'"):
        recorded_market(CONFIGURATION, folder, symbols=("ZZ",), first=None, days=2)
