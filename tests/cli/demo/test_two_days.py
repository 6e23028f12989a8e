"""One demo of two days, five symbols and a webhook, and all that can be read of it afterwards.

Workers that act in the same moment do so in any order, so each run has a log of its own.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from portfold.cli.demo.totals import LogTotals
from portfold.cli.exits import OK
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.audit.what_if.findings import TradeGone, Turned
from portfold.coordinator.store.recorded import Recorded
from portfold.dollars import shown
from portfold.events.codec import decode_decided, decode_event
from portfold.events.decisions import StopLossTriggered, TradingDayStarted
from portfold.events.incoming import EntryRequested, EntryWithdrawn, PositionClosed, PositionOpened
from portfold.events.stream_id import ORIGIN
from tests.audit.supposing import Supposed, overrides
from tests.cli.command_line import Ran, called, portfold
from tests.cli.demo.demo_folder import folder_of, log_of, processes_of
from tests.fake_discord import HIDDEN, FakeDiscord
from tests.waiting import until


class Demo(NamedTuple):
    """A demo that is over: its folder, what it said, and the alerts that it sent."""

    folder: Path
    ran: Ran
    alerts: list[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo")
    words = ("demo", "--days", "2", "--symbols", "6B,CL,ES,RTY,SI")
    with FakeDiscord() as discord:
        ran = portfold(*words, cwd=home, PORTFOLD_DISCORD_URL=discord.url())
        alerts = discord.texts
    assert ran.code == OK, ran.out + ran.err
    return Demo(folder_of(home), ran, alerts)


def test_a_bad_day_stops_the_portfolio_and_the_next_day_it_trades_again(demo: Demo) -> None:
    ran = demo.ran
    assert "FAIL" not in ran.out
    assert len(re.findall(r"^ok ", ran.out, re.MULTILINE)) == 5
    assert "Flat in real time: " in ran.out
    days = re.findall(r"^(\S+ \S+) CST (\S+) \| P&L .* \| asked", ran.out, re.MULTILINE)
    assert days == [("2025-01-06 17:00", "2025-01-06"), (days[1][0], "2025-01-07")]

    totals = LogTotals()
    with log_of(demo.folder) as (_, bus):
        replayed = verify(LiveRecord(bus), observe=totals.see)
    assert replayed.difference is None
    assert replayed.state.stats.events_rejected == 0
    assert totals.days == ["2025-01-06", "2025-01-07"]
    assert [stop.day for stop in totals.stops] == ["2025-01-06"]
    assert totals.stops[0].triggered_pnl <= -2500
    assert totals.stops[0].resumed_day == "2025-01-07"
    assert totals.most_open == 4
    assert {worker.presence for worker in replayed.state.workers.values()} == {"stopped"}
    assert re.findall(r"^(\S+) 1\d:\d\d CST (\S+) \| P&L ", ran.out, re.MULTILINE) == [
        ("2025-01-06", "2025-01-06"),
        ("2025-01-07", "2025-01-07"),
    ]
    assert f"Entries: {totals.allowed + totals.denied.total()} asked" in ran.out
    until(lambda: not processes_of(demo.folder), "the last of them to go")


def test_the_demo_tells_a_days_alerts_in_the_order_of_its_log(demo: Demo) -> None:
    ran, alerts = demo.ran, demo.alerts
    assert ran.out.endswith("All alerts were sent to Discord.\n")
    assert alerts[0].startswith("Alerts of portfolio main are told here: everything")

    with log_of(demo.folder) as (_, bus):
        decisions = [decode_decided(entry.fields)[0] for entry in bus.decisions_after(ORIGIN, count=9999)]
    stop = next(one for one in decisions if isinstance(one, StopLossTriggered))
    day = next(one for one in decisions if isinstance(one, TradingDayStarted) and one.previous_day)
    place = next(number for number, text in enumerate(alerts) if text.startswith("🚨 PORTFOLIO"))
    assert re.fullmatch(
        r"🚨 PORTFOLIO STOP LOSS HIT\n"
        rf"Daily P&L: {re.escape(shown(stop.daily_pnl))}\n"
        r"Limit: \$-2,500\.00\n"
        r"Open positions: [0-9A-Z]+(?:, [0-9A-Z]+)*\n"
        r"Time: 2025-01-06T\d\d:00:00 CST",
        alerts[place],
    )
    after = "\n".join(alerts[place + 1 :])
    in_order = ["| daily stop loss |", "✅ FLAT", "denied: stopped_out", "Day 2025-01-06: P&L", "Opened: "]
    places = [after.find(text) for text in in_order]
    assert -1 not in places
    assert places == sorted(places)
    assert f"Day 2025-01-06: P&L {shown(day.daily_pnl)}" in after
    assert f"Entries: {day.entries_requested} asked, {day.entries_allowed} allowed" in after

    written = [path.read_text(errors="replace") for path in demo.folder.rglob("*") if path.is_file()]
    assert not any(HIDDEN in text for text in [*written, ran.out, ran.err])


# --- what if ---------------------------------------------------------------------------------------------


class Denied(NamedTuple):
    """An entry that is allowed on the log and not with fewer positions, and what its trade made."""

    request: str
    pnl: Decimal


def with_a_pencil(recorded: Iterator[Recorded], most: int) -> list[Denied]:
    """Who would be denied with at most `most` positions and no stop, counted without the fold.

    A slot is taken by whoever is allowed until its position is closed; one that was denied on the log and
    gets a slot here has it for the moment, as moments of the demo lie an hour apart.
    """
    slots: dict[str, int] = {}
    denied: dict[str, Denied] = {}
    found: list[Denied] = []
    for event, decisions in recorded:
        said = decode_event(event.fields)
        slots = {worker: until for worker, until in slots.items() if until >= event.id.ms}
        if isinstance(said, EntryRequested):
            slots.pop(said.worker, None)
            allowed = any("EntryAllowed" in one.fields for one in decisions)
            if len(slots) < most:
                slots[said.worker] = 2**64 if allowed else event.id.ms
            elif allowed:
                denied[said.worker] = Denied(str(event.id), Decimal(0))
        elif isinstance(said, EntryWithdrawn):
            slots.pop(said.worker, None)
            found += [denied.pop(said.worker)] if said.worker in denied else []
        elif isinstance(said, PositionClosed) and said.worker in denied:
            found.append(denied.pop(said.worker)._replace(pnl=said.pnl))
        elif isinstance(said, PositionClosed):
            slots.pop(said.worker, None)
        elif isinstance(said, PositionOpened) and said.worker not in denied:
            assert said.worker in slots
    return sorted([*found, *denied.values()])


def test_three_positions_in_place_of_four_agree_with_pencil_and_paper(demo: Demo) -> None:
    with log_of(demo.folder) as (server, bus):
        asked = called("audit", "what-if", "--max-positions", "4", "--url", server.url, cwd=demo.folder)
        record = LiveRecord(bus)
        by_hand = with_a_pencil(record.recorded(), most=3)
        supposed = Supposed(record.recorded(), overrides(max_positions=3, daily_stop_loss=900_000_000))
    assert asked.code == OK, asked.err
    assert "\nNothing changes.\n" in asked.out

    made = {one.request: one.pnl for one in supposed.each(TradeGone)}
    denied = [one.at for one in supposed.each(Turned) if one.what_if == "max_positions"]
    assert sorted(Denied(at, made.get(at, Decimal(0))) for at in denied) == by_hand
    assert len(by_hand) >= 3
    assert re.search(r"^entries allowed +\d+ +\d+$", asked.out, re.MULTILINE)
