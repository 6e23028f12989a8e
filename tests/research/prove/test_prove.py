"""Faults of a profile are found, and shown as short as they get; what no limit prevents is told apart."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from portfold.cli.operate.calendar.past_sessions import known_sessions
from portfold.coordinator.configured import unwatched_limits
from portfold.exchange_time import utc
from portfold.research.prove.history import History, Step
from portfold.research.prove.playing import How, play
from portfold.research.prove.searching import search, way_of
from portfold.research.prove.setting import span_of, under_profile, with_sessions
from portfold.research.prove.shrinking import fewest, shortest_history
from portfold.research.prove.trades import Trading, judged, search_trades
from portfold.research.trades.trade_file import Trade
from tests.research.made import hour, packaged, priced, trade
from tests.research.prove.scenes import END_OF_DAY, profile_of, scene

LONG = Step("enter", "ES", 2)
LATE_CLOSE = {"trailing_at": "16:00", "trailing_zone": "America/Chicago"}


def falls(ticks: int, *, late: bool = False) -> Step:
    """ES falls: $25 a tick, of two contracts."""
    return Step("move", "ES", -ticks, late=late)


@pytest.mark.parametrize(
    ("steps", "margin", "worse_ticks", "how"),
    [
        ((falls(79),), 0, 0, None),
        ((falls(80),), 0, 0, "gap"),
        ((falls(79), falls(1)), 0, 0, "gap"),
        ((falls(70),), 250, 9, None),
        ((falls(70),), 250, 10, "cost"),
        ((falls(79), falls(1)), 25, 0, None),
        ((falls(79, late=True), falls(1)), 25, 0, "late"),
    ],
)
def test_how_the_rule_is_broken_is_told_apart(
    tmp_path: Path, steps: tuple[Step, ...], margin: float, worse_ticks: int, how: How | None
) -> None:
    on = scene(profile_of(tmp_path, margin=margin))
    assert way_of(History((LONG, *steps), worse_ticks), on) == how


def test_a_late_mark_that_changes_nothing_is_not_to_blame(tmp_path: Path) -> None:
    on = scene(profile_of(tmp_path))
    assert way_of(History((LONG, falls(1, late=True), falls(79))), on) == "gap"


def test_a_commission_that_ours_counts_later_is_found_and_a_margin_ends_it(tmp_path: Path) -> None:
    without = search(scene(profile_of(tmp_path), commission="2.25"), seed=1, histories=150)
    assert without.broken["unstopped"]
    with_margin = search(scene(profile_of(tmp_path, margin=100), commission="2.25"), seed=1, histories=150)
    assert not with_margin.broken["unstopped"]
    assert with_margin.broken["gap"]


@pytest.mark.parametrize(
    ("firm", "limits"),
    [
        (END_OF_DAY, LATE_CLOSE),
        ({"locks_at": 50_500}, {"trailing_locks_at": 50_100}),
        ({}, {"trailing_drawdown": 2_001}),
        ({}, {"trailing_on_realized": True}),
    ],
    ids=["counts later", "locks lower", "is a dollar wider", "forgets what is open"],
)
def test_a_rule_of_ours_that_is_not_the_firms_is_found(
    tmp_path: Path, firm: dict[str, object], limits: dict[str, object]
) -> None:
    tried = search(scene(profile_of(tmp_path, firm=firm, limits=limits)), seed=1, histories=400)
    assert tried.broken["unstopped"]


def test_a_peak_of_what_is_realized_lies_above_ours_while_a_loss_is_open(tmp_path: Path) -> None:
    on = scene(profile_of(tmp_path, firm={"peak_on": "realized"}))
    loses = (Step("enter", "ES", 1), Step("move", "ES", -40))  # $500
    makes = (Step("enter", "CL", 1), Step("move", "CL", 100), Step("leave", "CL"))  # $1,000
    assert way_of(History((*loses, *makes, Step("move", "ES", -119))), on) is None
    assert way_of(History((*loses, *makes, Step("move", "ES", -120))), on) == "unstopped"


def test_the_same_seed_finds_the_same(tmp_path: Path) -> None:
    on = scene(profile_of(tmp_path), slippage_ticks=1)
    assert search(on, seed=3, histories=40) == search(on, seed=3, histories=40)


def test_what_is_found_is_as_short_as_it_gets(tmp_path: Path) -> None:
    on = scene(profile_of(tmp_path))
    needless = (Step("wait", amount=60), Step("move", "CL", 7), Step("enter", "CL", -1), Step("leave", "CL"))
    found = shortest_history(
        History((*needless, LONG, falls(20), falls(300)), 3), lambda one: way_of(one, on) == "gap"
    )
    assert found == History((Step("enter", "ES", 1), Step("move", "ES", -160)))


def test_the_fewest_items_are_found_within_a_bound_of_tries() -> None:
    asked: list[list[int]] = []

    def shows(some: list[int]) -> bool:
        asked.append(some)
        return {3, 7} <= set(some)

    assert fewest(range(20), lambda some: shows(list(some)), 100) == [3, 7]
    assert len(asked) <= 100
    asked.clear()
    fewest(range(20), lambda some: shows(list(some)), 5)
    assert len(asked) == 5


def test_lines_say_what_happened(tmp_path: Path) -> None:
    lines: list[str] = []
    play(History((LONG, falls(80))), scene(profile_of(tmp_path)), lambda _, line: lines.append(line))
    assert lines == [
        "ES: long 2 filled at 2500.00",
        "ES at 2480.00: equity $48,000.00, the firm's floor $48,000.00",
        "THE FIRM'S RULE IS BROKEN: equity $48,000.00, floor $48,000.00",
        "OURS STOPPED at equity $48,000.00, the firm's floor $48,000.00",
        "ES: closed at 2480.00: equity $48,000.00, the firm's floor $48,000.00",
    ]


# --- trades ---------------------------------------------------------------------------------------------


def trading(
    folder: Path, closes: dict[float, str], *, margin: float = 0, drawdown: float | None = None
) -> Trading:
    """A profile's limits over trades of ES with these closes."""
    profile = profile_of(folder, margin=margin, limits={"trailing_drawdown": drawdown} if drawdown else {})
    configuration = under_profile(packaged(), profile, ["ES"])
    return Trading(priced({"ES": closes}), unwatched_limits(configuration), profile.firm, 1)


def of_es(begins: float, ends: float, entry: int, exit_: int) -> Trade:
    pnl = 50 * (exit_ - entry) - 5
    return trade("ES", begins, ends, pnl, side="long", entry_price=Decimal(entry), exit_price=Decimal(exit_))


TRADES = [of_es(0, 3, 5000, 5010), of_es(4, 8, 5010, 5000), of_es(20, 24, 5000, 5004)]


@pytest.mark.parametrize(
    ("low", "margin", "how"), [("4970.02", 0, None), ("4970", 0, "gap"), ("4970.1", 150, "cost")]
)
def test_trades_are_judged_at_the_closes_of_their_bars(
    tmp_path: Path, low: str, margin: float, how: How | None
) -> None:
    on = trading(tmp_path, {1.0: "5000", 6.0: low}, margin=margin)
    found = judged(TRADES[:2], on)
    assert (found and found.how) == how


def test_a_moment_that_breaks_the_rule_with_all_its_marks_is_a_gap_though_the_first_of_them_stops(
    tmp_path: Path,
) -> None:
    profile = profile_of(tmp_path, margin=1_000)
    limits = unwatched_limits(under_profile(packaged(), profile, ["ES", "RTY"]))
    closes = {"ES": {1.0: "4978"}, "RTY": {1.0: "2080"}}
    both = [
        trade(symbol, 0, 5, -5, side="long", entry_price=Decimal(at), exit_price=Decimal(at))
        for symbol, at in (("ES", 5000), ("RTY", 2100))
    ]  # $1,100 and $1,000 at 11:00
    found = judged(both, Trading(priced(closes), limits, profile.firm, 1))
    assert (found and found.how) == "gap"


WINDOW = {"windows": "mon-fri/close-10..close=flatten"}


def test_a_window_of_a_profile_that_is_told_by_the_close_is_known(tmp_path: Path) -> None:
    on = scene(profile_of(tmp_path, limits=WINDOW))
    known = known_sessions(on.limits, span_of(on), None, "")
    assert known is not None
    said: list[str] = []
    until_the_window = Step("wait", "", 346)  # each step takes a minute more
    steps = (LONG, Step("leave", "ES", 0), until_the_window, LONG, Step("wait", "", 8), LONG)
    play(History(steps), with_sessions(on, known), lambda ms, line: said.append(f"{utc(ms):%H:%M} {line}"))
    assert [line.partition(" filled")[0].partition(": Window")[0] for line in said if "long" in line] == [
        "16:01 ES: long 2",
        "21:50 ES: long 2 denied",
        "22:00 ES: long 2",
    ]
    limits = unwatched_limits(under_profile(packaged(), profile_of(tmp_path, limits=WINDOW), ["ES"]))
    later = structs.replace(TRADES[1], exit_ms=hour(25))
    on_trades = trading(tmp_path, {5.0: "5000", 20.0: "4000"})._replace(limits=limits)
    assert judged([later], on_trades._replace(sessions=known)) is None  # closed before the gap of the night


def test_the_fewest_trades_that_show_it_are_kept(tmp_path: Path) -> None:
    on = trading(tmp_path, {6.0: "4900"}, drawdown=9_000)
    found = search_trades(TRADES, on)
    assert found is not None
    assert (found.found.how, found.trades) == ("unstopped", (TRADES[1],))
