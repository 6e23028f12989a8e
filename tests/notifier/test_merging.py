"""Merging: what goes into one message, and the laws that hold whatever waits."""

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import AlertKind
from portfold.workers.notify.alert import Alert, Message
from portfold.workers.notify.merging import next_message
from tests.coordinator.story import MINUTE, WEDNESDAY
from tests.notifier.telling import CHICAGO

NEVER = 0
"""Nothing is stale."""


def denied(symbol: str = "CL", code: str = "max_positions", at_ms: int = WEDNESDAY) -> Alert:
    return Alert("entry_denied", "info", at_ms, (f"Entry denied: {symbol}",), code, symbol)


def opened(symbol: str = "CL", at_ms: int = WEDNESDAY) -> Alert:
    return Alert("trade_opened", "info", at_ms, (f"Opened: {symbol}",))


def stop(at_ms: int = WEDNESDAY) -> Alert:
    return Alert("stop", "critical", at_ms, ("🚨 STOP", "Daily P&L: $-2,512.50", "Time: now"))


def messages(alerts: Sequence[Alert], *, stale_before_ms: int = NEVER, room: int = 2000) -> list[Message]:
    """All that is sent for these, if nothing comes in between."""
    left, sent = list(alerts), []
    while left:
        message = next_message(
            left, stale_before_ms=stale_before_ms, clock=CHICAGO, fits=lambda text: len(text) <= room
        )
        assert message is not None
        sent.append(message)
        del left[: message.count]
        assert message.closed or not left
    return sent


def texts(alerts: Sequence[Alert], *, stale_before_ms: int = NEVER, room: int = 2000) -> list[str]:
    return [message.text for message in messages(alerts, stale_before_ms=stale_before_ms, room=room)]


# --- examples -------------------------------------------------------------------------------------------


def test_nothing_waits_nothing_is_sent() -> None:
    assert next_message([], stale_before_ms=NEVER, clock=CHICAGO, fits=lambda _: True) is None


def test_a_burst_of_denials_is_one_line() -> None:
    burst = [denied(symbol) for symbol in ["CL"] * 8 + ["ES"] * 3 + ["SI"]]
    assert texts(burst) == ["12 entries denied: max_positions | CL 8, ES 3, SI | 10:00:00 CST"]


def test_denials_for_different_reasons_are_counted_apart_where_the_first_of_each_was() -> None:
    alerts = [denied(), opened("ES"), denied(code="stopped_out"), denied(at_ms=WEDNESDAY + 2000)]
    assert texts(alerts) == [
        "2 entries denied: max_positions | CL 2 | 10:00:00 to 10:00:02 CST\nOpened: ES\nEntry denied: CL"
    ]


def test_trades_keep_a_line_of_their_own() -> None:
    assert texts([opened("CL"), opened("ES"), opened("CL")]) == ["Opened: CL\nOpened: ES\nOpened: CL"]


def test_a_critical_alert_is_a_message_of_its_own_and_nothing_overtakes_it() -> None:
    told = texts([denied(), denied(), stop(), stop(), denied()])
    assert [text.splitlines()[0] for text in told] == [
        "2 entries denied: max_positions | CL 2 | 10:00:00 CST",
        "🚨 STOP",
        "🚨 STOP",
        "Entry denied: CL",
    ]


def test_many_symbols_are_not_all_named() -> None:
    [text] = texts([denied(f"S{number:02}") for number in range(15)])
    assert text.endswith("S10, S11, and 3 more | 10:00:00 CST")


def test_what_is_stale_is_summarized_and_what_is_critical_in_it_is_named() -> None:
    later = WEDNESDAY + 5 * MINUTE
    alerts = [opened(), denied(), stop(), denied(code="stopped_out"), denied(), opened("ES", later)]
    assert texts(alerts, stale_before_ms=WEDNESDAY + 1) == [
        "⏳ Not told in time, 2025-01-15 10:00:00 to 10:00:00 CST:\n"
        "10:00:00 CST 🚨 STOP | Daily P&L: $-2,512.50\n"
        "Trades opened: 1\n"
        "Entries denied: 3 (max_positions 2, stopped_out 1)",
        "Opened: ES",
    ]


def test_the_summary_of_a_day_survives_an_outage_whole() -> None:
    summary = Alert("day_summary", "info", WEDNESDAY, ("Day 2025-01-15: P&L $10.00", "Trades: 3"))
    assert (
        "10:00:00 CST Day 2025-01-15: P&L $10.00 | Trades: 3"
        in texts([summary], stale_before_ms=WEDNESDAY + 1)[0]
    )


@pytest.mark.parametrize(("stale_before_ms", "stale"), [(WEDNESDAY, False), (WEDNESDAY + 1, True)])
def test_what_is_exactly_as_old_as_allowed_is_not_stale(stale_before_ms: int, *, stale: bool) -> None:
    [text] = texts([opened()], stale_before_ms=stale_before_ms)
    assert text.startswith("⏳") == stale


def test_a_message_is_as_long_as_fits() -> None:
    alerts = [opened(f"S{number}") for number in range(10)]
    told = texts(alerts, room=30)
    assert all(len(text) <= 30 for text in told)
    assert "\n".join(told) == "\n".join(alert.lines[0] for alert in alerts)


def test_one_alert_that_does_not_fit_goes_all_the_same() -> None:
    assert texts([opened("X" * 100)], room=30) == [f"Opened: {'X' * 100}"]


# --- laws -----------------------------------------------------------------------------------------------

_CRITICAL = ("stop", "flatten_overdue", "flat", "worker_lost")
_GROUPED = (
    *("entry_denied", "entry_expired", "entry_unregistered", "event_rejected", "mark_stale"),
    "worker_started",
)
_ALONE = sorted(
    set(get_args(AlertKind))
    - {*_GROUPED, *_CRITICAL, "flatten_ordered", "limit_breached", "position_mismatch"}
    - {"log_lost", "not_deciding", "alerts_missed", "pnl_disputed", "worker_stopped", "position_adopted"}
)


@st.composite
def alerts_waiting(draw: st.DrawFn) -> list[Alert]:
    """Any alerts, in the order of the log, each with a line that no other has."""
    found, ms = [], WEDNESDAY
    for number in range(draw(st.integers(0, 30))):
        ms += draw(st.integers(0, 2 * MINUTE))
        kind = draw(st.sampled_from([*_CRITICAL, *_GROUPED, *_ALONE]))
        line = f"#{number}# {'x' * draw(st.integers(0, 80))}"
        if kind in _CRITICAL:
            found.append(Alert(kind, "critical", ms, (line, "Time: then")))
        elif kind in _GROUPED:
            group = draw(st.sampled_from(["a", "b", "all"]))
            subject = draw(st.sampled_from(["CL", "ES"]))
            found.append(Alert(kind, draw(st.sampled_from(["info", "warning"])), ms, (line,), group, subject))
        else:
            found.append(Alert(kind, "warning", ms, (line,)))
    return found


@given(alerts_waiting(), st.integers(0, 30 * MINUTE), st.integers(120, 2000))
def test_every_alert_is_in_exactly_one_message_and_messages_are_in_order(
    alerts: list[Alert], stale_ms: int, room: int
) -> None:
    sent = messages(alerts, stale_before_ms=WEDNESDAY + stale_ms, room=room)
    assert sum(message.count for message in sent) == len(alerts)
    begins = 0
    for message in sent:
        own = alerts[begins : begins + message.count]
        begins += message.count
        assert (message.first_ms, message.last_ms) == (own[0].at_ms, own[-1].at_ms)
        assert set(message.kinds) == {alert.kind for alert in own}


@given(alerts_waiting(), st.integers(120, 2000))
def test_no_critical_alert_is_ever_merged(alerts: list[Alert], room: int) -> None:
    sent = messages(alerts, room=room)
    critical = [message for message in sent if message.level == "critical"]
    assert [message.lines for message in critical] == [
        alert.lines for alert in alerts if alert.level == "critical"
    ]
    assert all(message.count == 1 for message in critical)


@given(alerts_waiting(), st.integers(0, 60 * MINUTE), st.integers(120, 2000))
def test_every_critical_alert_is_named_even_where_it_is_stale(
    alerts: list[Alert], stale_ms: int, room: int
) -> None:
    told = "\n".join(texts(alerts, stale_before_ms=WEDNESDAY + stale_ms, room=room))
    places = [told.find(alert.lines[0]) for alert in alerts if alert.level == "critical"]
    assert -1 not in places
    assert places == sorted(places)


@given(alerts_waiting())
def test_numbers_in_a_digest_add_up(alerts: list[Alert]) -> None:
    for message in messages(alerts, room=100_000):
        singly = sum(line.startswith("#") for line in message.lines)
        merged = sum(
            int(line.split(" ")[0]) for line in message.lines if line[0].isdecimal() and "Time" not in line
        )
        assert singly + merged == message.count


@given(alerts_waiting())
def test_numbers_in_a_summary_add_up(alerts: list[Alert]) -> None:
    for message in messages(alerts, stale_before_ms=2**60, room=100_000):
        header, *lines = message.lines
        assert header.startswith("⏳")
        named = sum("#" in line for line in lines)
        counted = sum(int(line.split(": ")[1].split(" ")[0]) for line in lines if "#" not in line)
        assert named + counted == message.count


@given(alerts_waiting(), st.integers(120, 2000))
def test_no_message_is_longer_than_fits(alerts: list[Alert], room: int) -> None:
    assert all(len(text) <= room for text in texts(alerts, room=room))


@given(alerts_waiting(), st.integers(1, 29))
def test_what_is_sent_first_is_the_same_however_much_waits_behind_it(alerts: list[Alert], cut: int) -> None:
    """A message that is closed does not change any more when others come."""
    first, all_of_them = messages(alerts[:cut], room=100_000), messages(alerts, room=100_000)
    closed = [message for message in first if message.closed]
    assert all_of_them[: len(closed)] == closed
