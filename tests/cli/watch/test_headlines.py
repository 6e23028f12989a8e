"""What matters first, said first: why no entry is allowed, and what to do."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from portfold.coordinator.views.headlines import SLOW_MS, headlines
from portfold.events.incoming import LogTailMissing
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusRefused
from tests.cli.standing import STANDBY, Standing
from tests.coordinator.story import MINUTE, SECOND, Story
from tests.seen import spoilt

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def standing(bus: Bus, client: Any) -> Standing:
    return Standing(bus, client)


def told(standing: Standing) -> dict[str, str]:
    """The headlines' sentences by their codes, the worst first."""
    return {one.code: one.with_remedy for one in headlines(standing.seen(), CHICAGO)}


def test_a_portfolio_in_order_trades(standing: Standing) -> None:
    assert told(standing.of(Story())) == {"trading": ""}


def test_a_stop_says_since_when_and_until_when_and_what_is_still_open(standing: Standing) -> None:
    story = Story()
    story.enters("ES", "CL")
    story.marks("ES", "-2600")
    story.after(2 * SECOND)
    found = told(standing.of(story))
    assert list(found) == ["stopped_out", "flattening"]
    assert found["stopped_out"] == "since Wed 15 Jan 10:00:00 CST; a new day begins Wed 15 Jan 17:00:00 CST"
    assert found["flattening"] == (
        "due in 8.0 s; still to close: CL long 1 (ibs-CL), ES long 1 (ibs-ES); cause: daily stop loss"
    )


def test_an_open_position_whose_owner_is_dead_comes_first_and_names_the_owner(standing: Standing) -> None:
    story = Story(symbols="ES CL")
    story.starts("ibs-old", symbols="CL")
    story.enters("ES", "CL")
    story.halt()
    story.after(90 * SECOND)
    standing.of(story)
    for gone in ("ibs-old", "ibs-CL"):
        standing.client.delete(standing.bus.keys.worker(gone))
    found = told(standing)
    assert list(found) == ["unmanaged", "halted"]
    assert found["unmanaged"].startswith("nobody watches CL long 1 of ibs-CL (silent, open for ")
    assert found["unmanaged"].endswith("Start ibs-CL again, or: portfold flatten --by NAME --reason TEXT")
    last = standing.seen().last_of("CL")
    assert last is not None
    assert last.worker == "ibs-CL"  # not the first one that ever said it trades CL


def test_with_a_position_that_nobody_watches_it_is_not_said_that_all_is_well(standing: Standing) -> None:
    story = Story()
    story.enters("ES")
    story.loses_worker("ibs-ES")
    standing.of(story)
    standing.client.delete(standing.bus.keys.worker("ibs-ES"))
    found = told(standing)
    assert list(found) == ["unmanaged"]
    assert "ES long 1 of ibs-ES (lost, open for " in found["unmanaged"]


@pytest.mark.parametrize(("after_ms", "due"), [(10_000, "due in 0 ms"), (10_001, "OVERDUE by 1 ms")])
def test_a_flatten_is_overdue_behind_its_deadline(standing: Standing, after_ms: int, due: str) -> None:
    story = Story()
    story.enters("ES")
    story.flatten()
    ordered_ms = story.ms
    story.at(ordered_ms + after_ms)
    found = told(standing.of(story))
    assert due in found["flattening"]
    assert found["halted"] == "by ann: going home. To lift it: portfold resume --by NAME --reason TEXT"


def test_a_halt_names_who_and_why(standing: Standing) -> None:
    story = Story()
    story.halt()
    assert told(standing.of(story)) == {
        "halted": "by ann: news. To lift it: portfold resume --by NAME --reason TEXT"
    }


def test_without_a_leader_that_comes_first(standing: Standing) -> None:
    story = Story()
    story.halt()
    standing.of(story)
    standing.bus.keep_lead("here.1.abc", 0)
    standing.client.execute_command("XADD", standing.bus.keys.events, f"{story.ms}-5", "type", "ClockTicked")
    found = told(standing)
    assert list(found) == ["not_led", "halted"]
    assert found["not_led"].startswith("no entry is answered; 1 event is waiting. Start one")


@pytest.mark.parametrize("clock", ["server", "driven"])
def test_where_nobody_can_lead_nobody_is_told_to_start_one(standing: Standing, clock: str) -> None:
    standing.of(Story(), clock=clock)
    standing.bus.keep_lead("here.1.abc", 0)
    last = "9999999999999-184467440737095517"
    standing.client.execute_command("XADD", standing.bus.keys.events, last, "type", "ClockTicked")
    found = told(standing)["not_led"]
    assert f"nobody can lead: the log's last ID, {last}, leaves no room for answers." in found
    assert "Start one" not in found


@pytest.mark.parametrize(("waited_ms", "said"), [(SLOW_MS, False), (SLOW_MS + 1, True)])
def test_a_leader_that_does_not_come_to_an_event_is_said_after_a_while(
    standing: Standing, waited_ms: int, *, said: bool
) -> None:
    standing.of(Story(), clock="server")
    seen = standing.seen()
    late = seen.backlog._replace(events=1, oldest_ms=waited_ms)
    found = headlines(replace(seen, backlog=late), CHICAGO)
    assert ("not_deciding" in [one.code for one in found]) == said


def test_a_log_that_does_not_add_up_is_said(standing: Standing) -> None:
    standing.of(Story())
    standing.client.hset(standing.bus.keys.head, "folded", "5")
    assert "The log was deleted and begun anew" in told(standing)["log_incomplete"]


def test_a_log_that_lost_its_end_is_said_with_who_saw_it(standing: Standing) -> None:
    story = Story()
    story.starts("ibs-ES")
    story.says(LogTailMissing, "ibs-ES", saw="9-0")
    assert "ibs-ES saw 9-0" in told(standing.of(story))["log_incomplete"]


def test_without_limits_no_entry_is_allowed(standing: Standing) -> None:
    standing.of(Story())
    spoilt(standing.client, standing.bus.keys.status, "limits", None)
    assert list(told(standing)) == ["no_limits"]


@pytest.mark.parametrize(
    ("says", "code", "told_of_it"),
    [
        ("say_book_exceeds", "not_on_the_log", "holds ES long of ibs-ES, and no limit counts it"),
        ("say_book_lacks", "wrong_book", "could not close ES long of ibs-ES"),
        ("say_without_stop", "without_stop", "rests at the broker beside ES long of ibs-ES"),
        ("say_less_than_expected", "less_than_expected", "ES long of ibs-ES"),
    ],
)
def test_what_another_process_says_on_the_bus_is_said(
    standing: Standing, says: str, code: str, told_of_it: str
) -> None:
    standing.of(Story())
    getattr(standing.bus, says)("ES long of ibs-ES", MINUTE)
    found = told(standing)
    assert list(found) == ["trading", code]
    assert told_of_it in found[code]


def test_what_is_unsettled_is_said_but_trading_goes_on(standing: Standing) -> None:
    story = Story()
    story.starts("ibs-ES", positions="ES:long:1:5000")
    found = told(standing.of(story))
    assert list(found) == ["trading", "unsettled"]
    assert "ES of ibs-ES: unknown_to_us" in found["unsettled"]


def test_a_server_that_fails_to_write_is_said(standing: Standing) -> None:
    seen = standing.of(Story()).seen()
    failing = replace(seen, server=seen.server._replace(writes_fail=True))
    assert [one.code for one in headlines(failing, CHICAGO)] == ["server_fails"]


# --- looking around ---------------------------------------------------------------------------------------


def test_the_heartbeats_count_and_not_what_the_log_last_heard(standing: Standing) -> None:
    story = Story(symbols="ES CL 6A")
    story.starts("ibs-ES", symbols="ES")
    story.starts("ibs-CL", symbols="CL")
    standing.of(story)
    standing.client.delete(standing.bus.keys.worker("ibs-CL"))
    seen = standing.seen()
    assert [(one.worker, one.presence, one.alive) for one in seen.workers] == [
        ("ibs-ES", "up", True),
        ("ibs-CL", "up", False),
    ]
    assert seen.missing == ("CL", "6A")


def test_a_standby_that_has_come_to_lead_is_no_standby(standing: Standing) -> None:
    standing.of(Story())
    assert standing.seen().standby == STANDBY
    standing.bus.stand_by("here.1.abc", 60_000)
    assert standing.seen().standby == ""


def test_what_waits_is_counted_and_no_further_than_to_a_bound(standing: Standing) -> None:
    story = Story()
    standing.of(story)
    with standing.client.pipeline() as commands:
        for number in range(1001):
            at = f"{story.ms}-{number + 1}"
            commands.execute_command("XADD", standing.bus.keys.events, at, "type", "ClockTicked")
        commands.execute()
    backlog = standing.seen().backlog
    assert (backlog.events, backlog.more, backlog.lost) == (1000, True, "")
    standing.client.xdel(standing.bus.keys.events, f"{story.ms}-7")
    backlog = standing.seen().backlog
    assert (backlog.events, backlog.more) == (1000, False)
    assert "Events vanished before anybody decided on them: 1" in backlog.lost


@pytest.mark.parametrize(
    ("field", "text"), [("stats", "none"), ("limits.max_positions", "four"), ("positions", "x")]
)
def test_a_status_that_somebody_has_overwritten_is_refused(standing: Standing, field: str, text: str) -> None:
    standing.of(Story())
    spoilt(standing.client, standing.bus.keys.status, field, text)
    with pytest.raises(BusRefused, match=f"^status, view, {field}: "):
        standing.seen()


def test_an_event_from_the_end_of_time_has_a_time_to_show(standing: Standing) -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-2600")
    standing.of(story)
    spoilt(standing.client, standing.bus.keys.status, "stop.since", str(StreamId(2**63, 0)))
    assert "since the end of time" in told(standing)["stopped_out"]
