"""What Tradovate refuses: each is a sentence, then a pause that ends, and meanwhile nothing is asked."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfold.workers.account.source import AccountUnreadable
from tests.fakes.tradovate.server import LOGIN, SECRET_TOKEN, Tradovate
from tests.workers.account.tradovate.conftest import Opens
from tests.workers.account.tradovate.reading import Reading
from tests.workers.brokers.traderspost.webhook_server import (
    Behaviour,
    answers,
    breaks_off,
    dribbles,
    fails,
    resets,
)

LIST = "position/list"
PATHS = (
    "auth/accesstokenrequest",
    "account/list",
    "order/list",
    LIST,
    "contract/item",
    "fill/list",
    "cashbalance/getcashbalancesnapshot",
)
FIELDS = (
    *("accessToken", "expirationTime", "errorText", "p-ticket", "p-time", "p-captcha"),
    *("id", "name", "accountId", "contractId", "netPos", "netPrice", "ordStatus", "orderId", "action"),
    *("qty", "price", "timestamp", "netLiq", "totalCashValue", "openPnL", "realizedPnL"),
)
UNREADABLE = "What Tradovate answered to position/list cannot be read"


def refused(reading: Reading, after: float = 0.0) -> str:
    with pytest.raises(AccountUnreadable) as caught:
        reading.read(after)
    return str(caught.value)


def asked(tradovate: Tradovate) -> int:
    return sum(tradovate.asked.values())


# --- the token --------------------------------------------------------------------------------------------


def test_a_token_is_renewed_before_it_is_over_and_no_session_is_begun_for_that(
    tradovate: Tradovate, reading: Reading
) -> None:
    reading.read()
    reading.read(after=64 * 60)
    assert tradovate.asked["auth/renewaccesstoken"] == 0
    reading.read(after=2 * 60)
    assert tradovate.asked["auth/renewaccesstoken"] == 1
    reading.read(after=10)
    assert tradovate.asked["auth/renewaccesstoken"] == 1
    assert tradovate.asked["auth/accesstokenrequest"] == 1


def test_the_servers_clock_counts_not_this_machines(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.now = lambda: datetime.now(UTC) - timedelta(days=2)
    reading.read()
    reading.read(after=60)
    assert tradovate.asked["auth/accesstokenrequest"] == 1
    assert tradovate.asked["auth/renewaccesstoken"] == 0


@pytest.mark.parametrize("trouble", [fails(503), resets])
def test_a_renewal_that_fails_is_tried_again_while_the_token_lasts(
    tradovate: Tradovate, reading: Reading, trouble: Behaviour
) -> None:
    reading.read()
    tradovate.misbehaves("auth/renewaccesstoken", trouble)
    assert reading.read(after=66 * 60).equity == 50_000
    assert reading.read(after=31).equity == 50_000
    assert tradovate.asked["auth/renewaccesstoken"] == 2
    assert tradovate.asked["auth/accesstokenrequest"] == 1


def test_a_token_that_is_over_is_replaced_by_a_login(tradovate: Tradovate, reading: Reading) -> None:
    reading.read()
    reading.read(after=81 * 60)
    assert tradovate.asked["auth/accesstokenrequest"] == 2


def test_a_session_that_another_login_ended_is_begun_anew(tradovate: Tradovate, reading: Reading) -> None:
    reading.read()
    tradovate.ends_sessions()
    assert reading.read(after=60).equity == 50_000
    assert tradovate.asked["auth/accesstokenrequest"] == 2


def test_a_session_is_not_fought_over_with_another_program(tradovate: Tradovate, reading: Reading) -> None:
    reading.read()
    tradovate.ends_sessions()
    assert "another program may use the login; it is asked again after 60 s" in refused(reading, after=59.9)
    assert tradovate.asked["auth/accesstokenrequest"] == 1
    assert reading.read(after=60).equity == 50_000


def test_a_token_that_is_never_accepted_is_not_asked_for_over_and_over(
    tradovate: Tradovate, reading: Reading
) -> None:
    reading.read()
    tradovate.misbehaves("order/list", *[answers(401, b"")] * 2)
    said = refused(reading, after=61)
    assert said == "Tradovate refuses order/list: HTTP 401; it is asked again after 60 s"
    before = asked(tradovate)
    refused(reading, after=59)
    assert asked(tradovate) == before
    assert reading.read(after=1).equity == 50_000


# --- the login --------------------------------------------------------------------------------------------


def test_a_wrong_password_is_refused_in_their_words_without_it_and_not_tried_every_second(
    tradovate: Tradovate, opens: Opens
) -> None:
    reading = opens(password="hunter2-is-wrong")  # noqa: S106 - a wrong one
    said = refused(reading)
    assert "Incorrect username or password" in said
    assert "hunter2" not in said
    assert refused(reading, after=59) == said
    assert "after 120 s" in refused(reading, after=1)
    refused(reading, after=119)
    assert tradovate.asked["auth/accesstokenrequest"] == 2


def test_a_penalty_is_waited_out_and_its_ticket_sent_along(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.penalizes("auth/accesstokenrequest", seconds=15)
    assert "waiting (a penalty ticket); it is asked again after 15 s" in refused(reading)
    refused(reading, after=14)
    assert tradovate.asked["auth/accesstokenrequest"] == 1
    assert reading.read(after=1).equity == 50_000
    assert tradovate.asked["auth/accesstokenrequest"] == 2


def test_a_captcha_is_waited_out_for_an_hour(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.penalizes("auth/accesstokenrequest", seconds=15, captcha=True)
    assert "a captcha, which no program can answer; it is asked again after 3600 s" in refused(reading)
    refused(reading, after=3_599)
    assert reading.read(after=1).equity == 50_000


@pytest.mark.parametrize("path", [LIST, "cashbalance/getcashbalancesnapshot"])
def test_a_penalty_for_a_question_is_waited_out_too(
    tradovate: Tradovate, reading: Reading, path: str
) -> None:
    tradovate.penalizes(path, seconds=7.5)
    assert "after 7.5 s" in refused(reading)
    assert reading.read(after=7.5).equity == 50_000


def test_no_penalty_is_waited_out_for_longer_than_an_hour(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.penalizes(LIST, seconds=10_000_000)
    assert "after 3600 s" in refused(reading)


@pytest.mark.parametrize(
    "token",
    [
        b'{"accessToken": "", "expirationTime": "2030-01-01T00:00:00Z"}',
        b'{"accessToken": "abcdefgh", "expirationTime": "soon"}',
        b'{"accessToken": "abcdefgh", "expirationTime": "2030-01-01T00:00:00"}',
        b'{"accessToken": 5}',
        b"[]",
        b"\xff\xfe",
    ],
)
def test_a_login_without_a_token_or_its_end_is_none(
    tradovate: Tradovate, reading: Reading, token: bytes
) -> None:
    tradovate.misbehaves("auth/accesstokenrequest", answers(200, token))
    assert refused(reading)
    assert reading.read(after=1).equity == 50_000


# --- questions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (fails(500), "Tradovate fails: HTTP 500 to position/list"),
        (fails(502), "Tradovate fails: HTTP 502 to position/list"),
        (resets, "Tradovate gave no answer to position/list: no connection, or it broke"),
        (breaks_off, "Tradovate gave no answer to position/list"),
        (
            answers(200, b"<html>maintenance</html>"),
            UNREADABLE,
        ),
        (answers(200, b'[{"accountId": "one"}]'), UNREADABLE),
        (answers(200, b'[{"accountId": 1}]'), UNREADABLE),
        (answers(200, b"{}"), UNREADABLE),
        (answers(200, b"null"), UNREADABLE),
    ],
)
def test_what_may_soon_be_over_is_asked_again_after_a_second_then_two(
    tradovate: Tradovate, reading: Reading, trouble: Behaviour, why: str
) -> None:
    tradovate.misbehaves(LIST, trouble, trouble)
    assert refused(reading).startswith(why)
    before = asked(tradovate)
    refused(reading, after=0.9)
    assert asked(tradovate) == before
    refused(reading, after=0.1)
    refused(reading, after=1.9)
    assert reading.read(after=0.1).equity == 50_000


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (answers(429, b""), "Tradovate was asked too much (429); it is asked again after 60 s"),
        (answers(404, b""), "Tradovate refuses position/list: HTTP 404; it is asked again after 60 s"),
        (answers(302, b"", Location="http://127.0.0.1:1/"), "Tradovate refuses position/list: HTTP 302"),
        (answers(200, b'{"errorText": "Access is\\ndenied"}'), "refuses position/list: Access is denied;"),
    ],
)
def test_what_asking_again_makes_worse_is_asked_again_after_a_minute(
    tradovate: Tradovate, reading: Reading, trouble: Behaviour, why: str
) -> None:
    tradovate.misbehaves(LIST, trouble)
    assert why in refused(reading)
    before = asked(tradovate)
    refused(reading, after=59)
    assert asked(tradovate) == before
    assert reading.read(after=1).equity == 50_000


def test_no_pause_grows_beyond_an_hour(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.misbehaves("auth/accesstokenrequest", *[answers(429, b"")] * 20)
    for _ in range(19):
        refused(reading, after=3_600)
    assert "after 3600 s" in refused(reading, after=3_600)
    assert tradovate.asked["auth/accesstokenrequest"] == 20


@pytest.mark.parametrize(
    ("cash", "why"),
    [
        (b'{"netLiq": null}', "without the account's equity or its open P&L"),
        (b"{}", "without the account's equity or its open P&L"),
        (b'{"netLiq": 1e400, "openPnL": 0}', "cannot be read"),
        (b'{"netLiq": 1e-400, "openPnL": 0}', "cannot be read"),
        (b'{"netLiq": "much", "openPnL": 0}', "cannot be read"),
    ],
)
def test_an_answer_without_figures_says_nothing(
    tradovate: Tradovate, reading: Reading, cash: bytes, why: str
) -> None:
    tradovate.misbehaves("cashbalance/getcashbalancesnapshot", answers(200, cash))
    assert why in refused(reading)


def test_open_profit_has_to_be_said_where_something_is_held(tradovate: Tradovate, reading: Reading) -> None:
    snapshot = "cashbalance/getcashbalancesnapshot"
    tradovate.misbehaves(snapshot, answers(200, b'{"netLiq": 49000}'))
    assert reading.read().equity == 49_000
    tradovate.account.fills_order("ESZ5", 1, "5000")
    tradovate.misbehaves(snapshot, answers(200, b'{"netLiq": 49000}'))
    assert "its open P&L" in refused(reading)


def test_equity_is_cash_and_open_profit_where_nothing_says_more(
    tradovate: Tradovate, reading: Reading
) -> None:
    cash = b'{"totalCashValue": 49000.10, "openPnL": -0.1, "realizedPnL": 0}'
    tradovate.misbehaves("cashbalance/getcashbalancesnapshot", answers(200, cash))
    assert str(reading.read().equity) == "49000.00"


@pytest.mark.parametrize("kind", ["hangs", "dribbles", "dribbles the body"])
def test_who_does_not_answer_in_time_is_not_waited_for(tradovate: Tradovate, opens: Opens, kind: str) -> None:
    reading = opens(timeout_seconds=0.5)
    reading.read()
    how = {"hangs": tradovate.hangs, "dribbles": dribbles(0.2), "dribbles the body": _dribbles_a_body}
    tradovate.misbehaves(LIST, how[kind])
    assert "no answer to position/list: none within 0.5 s" in refused(reading)
    assert reading.read(after=1).equity == 50_000


def _dribbles_a_body(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    dribbles(0.2)(request)
    resets(request)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(PATHS),
    content=st.binary(max_size=40) | _JSON.map(lambda tree: json.dumps(tree).encode()),
)
def test_whatever_is_answered_is_read_or_is_a_sentence(
    tradovate: Tradovate, path: str, content: bytes
) -> None:
    tradovate.account.fills_order("ESZ5", 1, "5000")
    tradovate.misbehaves(path, answers(200, content))
    reading = Reading(tradovate)
    with contextlib.suppress(AccountUnreadable):
        reading.read()
    reading.close()


# --- secrets ----------------------------------------------------------------------------------------------


def test_nothing_that_may_be_printed_shows_a_secret(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.penalizes("auth/accesstokenrequest", seconds=1)
    refused(reading)
    reading.read(after=1)
    shown = _everything(reading.client, 6)
    assert "Credentials(not shown)" in shown
    for secret in (str(LOGIN["password"]), str(LOGIN["sec"])):
        assert secret not in shown


def test_what_they_say_is_shown_without_the_secrets_in_it(tradovate: Tradovate, reading: Reading) -> None:
    reading.read()
    echo = f'{{"errorText": "no {SECRET_TOKEN}-1, no {LOGIN["password"]}, no {LOGIN["sec"]}"}}'.encode()
    tradovate.misbehaves(LIST, answers(200, echo))
    assert "no (not shown), no (not shown), no (not shown)" in refused(reading)


def _everything(thing: object, depth: int) -> str:
    """Returns what an object's repr shows, and those of its parts where it has none of its own."""
    parts = getattr(thing, "__dict__", {}) if depth else {}
    own = type(thing).__repr__ is object.__repr__
    return repr(thing) + "".join(_everything(part, depth - 1) for part in parts.values() if own)
