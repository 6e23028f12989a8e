"""One screen of 80 columns, readable in two seconds: what it shows of which portfolio."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from rich.text import Text

from portfold.cli.watch.status.as_json import as_json, fields
from portfold.cli.watch.status.portfolio_lines import WIDTH
from portfold.cli.watch.status.screen import picture
from portfold.coordinator.fold.state import Acknowledged, Halt
from portfold.coordinator.views.overview import Overview, SeenWorker
from portfold.coordinator.views.portfolio_view import (
    PortfolioView,
    ShownDay,
    ShownFlatten,
    ShownPosition,
    ShownUnsettled,
    Slot,
)
from portfold.events.legs import Leg
from portfold.events.wire.bus import Bus
from portfold.events.wire.presence import Switch
from tests.cli.standing import LEADER, STANDBY, Standing
from tests.coordinator.story import HOUR, MINUTE, Story

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def standing(bus: Bus, client: Any) -> Standing:
    return Standing(bus, client)


def drawn(seen: Overview) -> list[Text]:
    return picture(seen, shown="main on redis://127.0.0.1:6379/0", zone=CHICAGO)


def lines(seen: Overview) -> list[str]:
    return [line.plain for line in drawn(seen)]


def line_of(seen: Overview, begins: str) -> str:
    [found] = [line for line in lines(seen) if line.startswith(begins)]
    return found


def with_pnl(seen: Overview, pnl: str) -> Overview:
    """The same, on a day that has made that much."""
    day = ShownDay(pnl=Decimal(pnl), realized=Decimal(pnl))
    return replace(seen, view=replace(seen.view, day=day))


def busy() -> Story:
    """Two positions, one of them two hours old, and a slot reserved."""
    story = Story(symbols="ES CL 6A", point_values="6A=100000 CL=1000 ES=50", mark_stale_ms=MINUTE)
    for symbol in ("ES", "CL", "6A"):
        story.starts(f"ibs-{symbol}", symbols=symbol)
    story.enters("ES", price="5000.25")
    story.after(2 * HOUR)
    story.enters("CL", price="-37.63", side="short")
    story.marks("CL", "412.50", price="-38.0425", side="short")
    story.asks("6A")
    story.marks("ES", "-1250", price="4975.25")
    return story


def test_all_of_a_busy_portfolio(standing: Standing) -> None:
    seen = standing.of(busy()).seen()
    assert lines(seen) == [
        "main on redis://127.0.0.1:6379/0                     Wed 15 Jan 12:00:00 Chicago",
        " TRADING",
        "",
        "Daily P&L  $-837.50     ██████████░░░░░░░░░░░░░░░░░░░░  33% stop at $-2,500.00",
        "           realized $0.00, open $-837.50",
        "Positions  ●●◐○  2 open of 4, 1 reserved",
        "  ES    long   1 @ 5000.25      ibs-ES              2 h 00 m   $-1,250.00",
        "  CL    short  1 @ -37.63       ibs-CL                  3 ms      $412.50",
        "  6A    long   1 reserved       ibs-6A                    expires in 29 s",
        "",
        "Entries    3 asked, 3 allowed, 0 denied (0%), exits: 0, stops: 0",
        "Workers    3 alive, flattener alive, one for every symbol",
        f"Leader     {LEADER}, standby {STANDBY}, 0 undecided",
        f"Log        whole, {seen.server.version}, append-only file, fsync always",
    ]


def test_the_account_that_is_watched_is_below_what_is_held(standing: Standing) -> None:
    story = Story(account="DU1", account_grace_ms=MINUTE)
    assert line_of(standing.of(story).seen(), "Account") == "Account    DU1, not reported yet"
    story.account_says("50000")
    story.account_says("50250.50", "CL:short:1:71.25 ES:long:2:5000", working="ES=1")
    shown = lines(standing.of(story).seen())
    first = next(number for number, line in enumerate(shown) if line.startswith("Account"))
    assert shown[first - 1].startswith("Positions")
    assert shown[first : first + 4] == [
        "Account    $50,250.50, day $250.50, CL -1 ES +2, working: ES 1,",
        "           CL: log flat, account short 1 (may be on its way),",
        "           ES: log flat, account long 2 (may be on its way),",
        "           equity: log $50,000.00, account $50,250.50 (may be on its way),",
    ]
    assert shown[first + 4].startswith("           DU1 by paper, ")


def test_an_old_mark_is_marked(standing: Standing) -> None:
    story = busy()
    story.after(2 * MINUTE)
    assert line_of(standing.of(story).seen(), "  ES").endswith("$-1,250.00  stale")


def test_a_worker_that_is_missing_is_named_with_what_became_of_it(standing: Standing) -> None:
    story = busy()
    story.loses_worker("ibs-CL")
    story.stops("ibs-6A")
    standing.of(story)
    standing.client.delete(*map(standing.bus.keys.worker, ("ibs-ES", "ibs-CL", "ibs-6A", "flattener")))
    shown = " ".join(lines(standing.seen()))
    shown = " ".join(shown.split())
    assert "0 alive, no flattener, nobody trades ES (silent), nobody trades CL (lost)" in shown
    assert "nobody trades 6A (stopped)" in shown


def test_a_worker_that_announced_nothing_serves_what_it_trades(standing: Standing) -> None:
    """As the drop-in does: what it will ask for next, nobody knows."""
    story = Story(symbols="ES CL 6A SI")
    story.starts("old")
    story.asks("ES", worker="old")
    story.fills("ES", worker="old")
    story.asks("CL", worker="old")
    shown = " ".join(" ".join(lines(standing.of(story).seen())).split())
    assert "flattener alive, nobody trades 6A, SI, old does not say what it trades" in shown


def test_a_worker_that_stopped_is_not_alive_for_the_heartbeat_that_it_left(standing: Standing) -> None:
    story = busy()
    story.stops("ibs-ES")
    seen = standing.of(story).seen()
    assert "2 alive, flattener alive, nobody trades ES (stopped)" in " ".join(lines(seen))
    assert [(one.worker, seen.became_of(one.worker)) for one in seen.unmanaged] == [("ibs-ES", "stopped")]


def test_more_open_than_allowed_shows(standing: Standing) -> None:
    story = Story(max_positions=2, max_contracts=2)
    for symbol in ("ES", "CL", "SI"):
        story.fills(symbol)
    assert line_of(standing.of(story).seen(), "Positions") == "Positions  ●●●  3 open of 2  MORE THAN 2"


def test_where_only_realized_losses_count_that_is_said(standing: Standing) -> None:
    story = Story(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "-900")
    assert "realized $0.00; open profit and loss do not count" in " ".join(lines(standing.of(story).seen()))


def test_nobody_there(standing: Standing) -> None:
    standing.of(Story())
    standing.client.delete(standing.bus.keys.leader, standing.bus.keys.standby)
    assert line_of(standing.seen(), "Leader") == "Leader     nobody, no standby, 0 undecided"


def test_a_log_that_is_not_whole_and_a_server_that_forgets_show(standing: Standing) -> None:
    seen = standing.of(Story()).seen()
    kept = seen.server.kept._replace(setting="off", level="warning")
    bad = replace(
        seen, backlog=seen.backlog._replace(lost="It is gone."), server=seen.server._replace(kept=kept)
    )
    assert line_of(bad, "Log").startswith("Log        NOT WHOLE, ")
    assert line_of(bad, "Log").endswith(", off")


# --- the bar ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pnl", "full", "percent"),
    [
        ("10", 0, "0%"),
        ("0", 0, "0%"),
        ("-83.33", 0, "3%"),
        ("-83.34", 1, "3%"),
        ("-2499.99", 29, "99%"),
        ("-2500", 30, "100%"),
        ("-9999", 30, "100%"),
    ],
)
def test_the_bar_is_full_at_the_limit_and_not_before(
    standing: Standing, pnl: str, full: int, percent: str
) -> None:
    seen = standing.of(Story()).seen()
    shown = line_of(with_pnl(seen, pnl), "Daily P&L")
    assert shown.count("█") == full
    assert f" {percent} " in shown


@pytest.mark.parametrize(("pnl", "style"), [("-1999.99", "yellow"), ("-2000", "bold red")])
def test_the_bar_turns_red_near_the_stop(standing: Standing, pnl: str, style: str) -> None:
    seen = standing.of(Story()).seen()
    [shown] = [line for line in drawn(with_pnl(seen, pnl)) if line.plain.startswith("Daily P&L")]
    assert style in {str(one.style) for one in shown.spans}


# --- whatever there is, it fits ---------------------------------------------------------------------------


def crowded(seen: Overview) -> Overview:
    """As much, and as long, as there can be of everything."""
    name = "W" * 64
    amount = Decimal("-999999999.99")
    held = ShownPosition(
        *("S" * 12, "short", 10_000, Decimal("-123456789.0123456789"), name, amount, 0, amount),
        mark_stale=True,
    )
    view = replace(
        seen.view,
        positions=(held,) * 5,
        reserved=(Slot("S" * 12, "short", 10_000, name, seen.now_ms + 10**7),) * 3,
        halt=Halt("B" * 64, "news " * 100, "1-0"),
        flatten=ShownFlatten("x" * 300, 0, seen.now_ms, (Leg("S" * 12, "short", 10_000, name),) * 5),
        acknowledged=Acknowledged("jane", "backup", "events " * 60, "9-0"),
        unsettled=(ShownUnsettled("S" * 12, name, "unknown_to_us"),) * 9,
    )
    return replace(
        seen,
        view=view,
        workers=tuple(SeenWorker(name, "lost", (f"SYMBOL{n}",), alive=False) for n in range(20)),
        missing=tuple(f"SYMBOL{n}" for n in range(20)),
        leader=name,
        standby=name,
    )


def test_nothing_is_wider_than_80_columns(standing: Standing) -> None:
    seen = crowded(standing.of(busy()).seen())
    assert [line.plain for line in drawn(seen) if line.cell_len > WIDTH] == []


def test_before_the_first_mark_it_is_not_said_what_a_position_makes(standing: Standing) -> None:
    story = Story(symbols="ES CL")
    story.enters("ES", "CL")
    story.marks("CL", "0")
    seen = standing.of(story).seen()
    assert line_of(seen, "  ES").endswith("no mark")
    assert line_of(seen, "  CL").endswith("$0.00")


def test_what_has_no_mark_is_counted_beside_what_the_others_make(standing: Standing) -> None:
    story = Story()
    story.enters("ES", "CL")
    story.marks("ES", "-50")
    shown = " ".join(lines(standing.of(story).seen()))
    assert "realized $0.00, open $-50.00 (1 without a mark)" in shown
    story.closes("ES")
    assert "realized $0.00, open: no mark" in " ".join(lines(standing.of(story).seen()))


def test_who_was_retired_is_not_lost(standing: Standing) -> None:
    story = Story()
    story.starts("ibs-CL", symbols="CL")
    story.loses_worker("ibs-CL")
    story.retires("ibs-CL")
    standing.of(story)
    standing.client.delete(standing.bus.keys.worker("ibs-CL"))
    shown = " ".join(lines(standing.seen()))
    assert "nobody trades CL (retired)" in shown
    assert "lost" not in shown


def test_a_long_reason_does_not_push_the_rest_away(standing: Standing) -> None:
    shown = lines(crowded(standing.of(busy()).seen()))
    assert shown.index("") <= 1 + 4 * 4
    assert any(line.endswith(" …") for line in shown)


def test_without_limits_and_without_anything_there_is_a_screen(standing: Standing) -> None:
    seen = standing.of(Story()).seen()
    bare = replace(seen, view=PortfolioView())
    assert line_of(bare, "Daily P&L") == "Daily P&L  $0.00"
    assert line_of(bare, "Positions") == "Positions    0 open of 0"


# --- as JSON ----------------------------------------------------------------------------------------------


def test_the_json_says_what_the_screen_says(standing: Standing) -> None:
    shown = fields(standing.of(busy()).seen())
    assert shown["headlines"] == ["trading"]
    assert (shown["daily_pnl"], shown["stop_at"], shown["stop_used"]) == (-837.5, -2500.0, 0.335)
    assert [one["worker"] for one in _listed(shown["held"])] == ["ibs-ES", "ibs-CL"]
    assert _listed(shown["held"])[1]["price"] == Decimal("-37.63")
    assert '"price":-37.63,' in as_json(standing.seen()), "a number, to the last digit"
    texts = {name for name, value in shown.items() if isinstance(value, str) and value.isdecimal()}
    assert texts == set(), "no number is in quotes"
    assert [one["symbol"] for one in _listed(shown["reservations"])] == ["6A"]
    assert (shown["leading"], shown["standby"], shown["undecided"]) == (LEADER, STANDBY, 0)


@pytest.mark.parametrize(
    ("switch", "shows"),
    [
        (lambda now_ms: Switch(now_ms - 7_500_000, 9_000_000, ""), "Dead man   pressed 2 h 05 m ago"),
        (
            lambda now_ms: Switch(now_ms - 7_500_000, 60_000, ""),
            "Dead man   pressed 2 h 05 m ago, NOT PRESSED NOW: its notifier is silent",
        ),
        (
            lambda _: Switch(0, 60_000, "no coordinator leads"),
            "Dead man   never pressed, NOT PRESSED NOW: no coordinator leads",
        ),
    ],
)
def test_a_dead_mans_switch_is_shown_with_when_it_was_pressed_and_whether_it_fails(
    standing: Standing, switch: Callable[[int], Switch], shows: str
) -> None:
    standing.of(Story())
    assert not any(line.startswith("Dead man") for line in lines(standing.seen())), "there is none"
    standing.bus.say_switch(switch(standing.bus.now_ms()), 60_000)
    assert line_of(standing.seen(), "Dead man") == shows


def _listed(found: object) -> list[dict[str, Any]]:
    assert isinstance(found, list)
    return found


def test_a_slot_that_may_be_filled_has_no_countdown(standing: Standing) -> None:
    story = Story()
    story.asks("ES", worker="mine")
    story.stops("mine")
    standing.of(story)
    line = line_of(standing.seen(), "  ES ")
    assert line.endswith("kept: may be filled")
