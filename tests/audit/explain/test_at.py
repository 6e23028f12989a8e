"""The status as it was: at any moment what `portfold status` would have said then."""

import pytest

from portfold.coordinator.audit.explain.lookup import NotOnRecord
from portfold.coordinator.audit.explain.portfolio_rows import pnl_parts, portfolio_rows, slots_sum
from portfold.coordinator.audit.explain.status_at import PastStatus, status_at
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import status_values
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory, realistic
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import MINUTE, Story, chicago

AT = StreamId(1, 0)


def at(record: InMemory, text: str) -> PastStatus:
    return status_at(record, read_moment(text), lambda _: None)


def traded() -> InMemory:
    """Two positions at 10:00, one closed at 10:01, the other at 10:05; the next day's first tick."""
    story = WrittenDown()
    story.enters("ES", "CL")
    story.ms += MINUTE
    story.closes("ES", "-100")
    story.ms += 4 * MINUTE
    story.closes("CL", "-2400")
    story.at(chicago(2025, 1, 15, 17))
    return InMemory(story.log)


@pytest.mark.parametrize("garbage", range(0, 160, 7))
def test_after_every_event_it_is_the_status_that_was_committed(garbage: int) -> None:
    record = realistic(160)
    event = record.all[garbage].event.id
    follower = Follower()
    for recorded in record.all[: garbage + 1]:
        follower.advance(*recorded.event)
    found = at(record, str(event))
    assert found.event == event
    expected = status_values(portfolio_view(follower.state, event))
    assert {name: found.fields()[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        ("2025-01-15T10:00:59", ["CL", "ES"]),
        ("10:01:00.006", ["CL", "ES"]),
        ("10:01:00.007", ["CL"]),
        ("10:03", ["CL"]),
        ("2025-01-15T16:03Z", ["CL"]),
        ("10:06", []),
        ("2025-01-15", []),
        ("23:59", []),
    ],
)
def test_an_event_counts_from_its_own_millisecond_on(moment: str, held: list[str]) -> None:
    assert at(traded(), moment).fields()["open_positions"] == held


def test_a_date_is_the_end_of_its_trading_day() -> None:
    record = traded()
    assert at(record, "2025-01-15").fields()["stopped_out"] is True
    assert at(record, "2025-01-15").fields()["current_day"] == "2025-01-15"
    assert at(record, "2025-01-16").fields()["stopped_out"] is False
    assert at(record, "2025-01-16").next is None


def test_it_names_the_event_before_and_the_one_after() -> None:
    record = traded()
    found = at(record, "10:03")
    number = [one.event.id for one in record.all].index(found.event)
    assert found.next == record.all[number + 1].event.id
    assert found.fields()["next_event"] == str(found.next)


def test_the_leader_is_the_last_that_took_over() -> None:
    assert at(realistic(40), "23:59").view.leader == "host.1.abc"


@pytest.mark.parametrize("moment", ["2025-01-14", "09:59:59.999", "2025-01-15T15:59Z", "2000-01-03"])
def test_before_the_first_event_nothing_had_happened(moment: str) -> None:
    with pytest.raises(
        NotOnRecord, match="Nothing had happened by then: the first event on record is 1736956"
    ):
        at(traded(), moment)


def test_an_event_that_is_not_there_is_told_with_the_one_before_it() -> None:
    record = traded()
    event = record.all[4].event.id
    with pytest.raises(NotOnRecord, match=f"no event {event.ms}-77 on record; the one before it is {event}"):
        at(record, f"{event.ms}-77")
    with pytest.raises(NotOnRecord, match=r"There is no event 5-0 on record\. "):
        at(record, "5-0")


# --- for people -----------------------------------------------------------------------------------------


def seen(story: Story) -> PortfolioView:
    return portfolio_view(story.state, AT)


def rows(story: WrittenDown) -> dict[str, list[str]]:
    return dict(portfolio_rows(seen(story)))


def test_the_rows_hold_what_a_trader_asks_for() -> None:
    story = WrittenDown(max_contracts=6)
    story.enters("ES", size=2, price="5000.25")
    story.asks("CL")
    story.marks("ES", "-625", price="4994")
    found = rows(story)
    assert found["Trading day"] == ["Wed 2025-01-15, until Wed 17:00 America/Chicago"]
    assert found["Daily P&L"] == [
        "$-625.00, stop at $-2,500.00  [#####...............] 25%",
        "realized $0.00 + ES $-625.00",
    ]
    assert found["Positions"] == [
        "1 of 4",
        "ES long 2 @ 5000.25 by ibs-ES since Wed 10:00:00 CST, marked 4994 $-625.00",
    ]
    assert found["Reserved"] == ["CL long 1 by ibs-CL until 10:00:30 CST"]
    assert (found["Contracts"], found["Halted"], found["Stopped out"]) == (["3 of 6"], ["no"], ["no"])
    assert found["Workers"] == ["ibs-ES up, ibs-CL unannounced"]


def test_what_is_seldom_so_has_a_row_only_then() -> None:
    story = WrittenDown()
    seldom = {"Flattening", "Unsettled", "Log"}
    assert not seldom.intersection(rows(story))
    story.enters("ES")
    story.starts("ibs-PL", positions="PL:short:3:1000")
    story.flatten()
    found = rows(story)
    assert found["Flattening"] == [
        "ES long 1 (ibs-ES), PL short 3 (ibs-PL), due 10:00:10 CST: ordered by ann"
    ]
    assert found["Unsettled"][0].startswith("PL of ibs-PL: unknown_to_us, event ")
    assert found["Halted"][0].startswith("by ann: going home, since event ")


def test_open_losses_of_earlier_days_are_told_apart() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.marks("ES", "-400")
    story.at(chicago(2025, 1, 15, 17))
    story.marks("ES", "-700")
    assert pnl_parts(seen(story)) == "realized $0.00 + ES $-300.00 ($-400.00 of it in earlier days)"


def test_where_open_losses_do_not_count_that_is_said() -> None:
    story = WrittenDown(stop_loss_on="realized")
    story.enters("ES")
    story.marks("ES", "-400")
    assert pnl_parts(seen(story)) == "realized $0.00, open positions do not count"


def test_what_was_never_marked_adds_nobody_knows_what() -> None:
    story = Story()
    story.enters("ES")
    assert pnl_parts(seen(story)) == "realized $0.00 + ES no mark"


def test_slots_are_summed_as_the_rule_counts_them() -> None:
    story = WrittenDown()
    story.enters("ES")
    story.asks("CL")
    assert slots_sum(seen(story)) == "1 position open + 1 reserved = 2 of 4"
