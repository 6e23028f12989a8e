"""The last moment before an order is written: asked on every attempt, and over when nobody waits any more."""

import io
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from portfold.log import open_log
from portfold.workers.brokers.traderspost.webhook import Webhook, WebhookAnswer, longest_seconds, read_answer
from tests.waiting import until
from tests.workers.brokers.traderspost.names import Names, no_such_name
from tests.workers.brokers.traderspost.webhook_server import (
    HIDDEN,
    PATH,
    Behaviour,
    Late,
    Receiver,
    fails,
    refuses,
    resets,
    takes,
    too_soon,
)

ORDER = {"action": "buy"}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Names:
    return Names(monkeypatch, receiver.port)


@pytest.fixture
def opened(receiver: Receiver) -> Iterator[Callable[[float], Webhook]]:
    log, lines = open_log("worker", target=io.StringIO())
    yield lambda timeout: Webhook(receiver.url, timeout_seconds=timeout, log=log)
    lines.close()


Opened = Callable[[float], Webhook]


def attempts() -> int:
    """How many still run."""
    return sum(thread.name == "webhook" for thread in threading.enumerate())


def test_an_attempt_that_was_given_up_can_no_longer_send(
    opened: Opened, receiver: Receiver, names: Names
) -> None:
    answered = threading.Event()
    names.first = [lambda: answered.wait(30)] * 4
    answer = opened(0.1).post(ORDER)
    assert answer == WebhookAnswer("given_up", "No connection within 0.1 s")
    answered.set()
    until(lambda: attempts() == 0, "the last attempt is over")
    assert receiver.signals == []


def test_whether_it_may_be_sent_is_asked_on_every_attempt(
    opened: Opened, receiver: Receiver, names: Names
) -> None:
    standing = True

    def stop() -> None:
        nonlocal standing
        standing = False
        no_such_name()

    names.first = [no_such_name, stop]
    assert opened(5).post(ORDER, may_send=lambda: standing).outcome == "withheld"
    assert receiver.signals == []


def test_it_is_asked_only_once_there_is_a_connection(
    opened: Opened, receiver: Receiver, names: Names
) -> None:
    names.first = [no_such_name, no_such_name]
    asked = count()
    opened(5).post(ORDER, may_send=lambda: next(asked) == 0)
    assert (next(asked), len(receiver.signals)) == (1, 1)


ODD_ADDRESSES = [
    pytest.param(f"?key={HIDDEN}", id="no path"),
    pytest.param(f"{PATH}%2D", id="escaped without need"),
    pytest.param(f"{PATH}%7e", id="escaped in small letters"),
    pytest.param(f"{PATH}/{{}}", id="braces"),
    pytest.param(f'{PATH}/"', id="quotes"),
    pytest.param(f"/x/..{PATH}", id="dots"),
]


@pytest.mark.parametrize("odd", ODD_ADDRESSES)
@pytest.mark.parametrize("may_send", [True, False])
def test_an_address_that_is_rewritten_on_its_way_sends_no_order_unasked_or_twice(
    receiver: Receiver, odd: str, *, may_send: bool
) -> None:
    receiver.behaves(resets)
    log, lines = open_log("worker", target=io.StringIO())
    webhook = Webhook(f"HTTP://127.0.0.1:{receiver.port}{odd}", timeout_seconds=5, log=log)
    answer = webhook.post(ORDER, may_send=lambda: may_send)
    lines.close()
    assert (answer.outcome, len(receiver.signals)) == (("unknown", 1) if may_send else ("withheld", 0))


def test_it_is_asked_where_a_proxy_sends_it_too(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{receiver.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    log, lines = open_log("worker", target=io.StringIO())
    webhook = Webhook(f"http://broker.invalid{PATH}", timeout_seconds=5, log=log)
    assert webhook.post(ORDER, may_send=lambda: False).outcome == "withheld"
    assert receiver.signals == []
    assert webhook.post(ORDER).outcome == "accepted"
    lines.close()


def test_a_question_that_takes_too_long_is_no_yes(opened: Opened, receiver: Receiver) -> None:
    answered = threading.Event()
    answer = opened(0.1).post(ORDER, may_send=lambda: answered.wait(30))
    answered.set()
    until(lambda: attempts() == 0, "the last attempt is over")
    assert (answer.outcome, receiver.signals) == ("given_up", [])


def test_a_question_that_fails_is_no_yes(opened: Opened, receiver: Receiver) -> None:
    def fail() -> bool:
        raise ValueError

    assert opened(0.1).post(ORDER, may_send=fail).outcome == "given_up"
    assert receiver.signals == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 524])
def test_what_a_server_failed_at_is_sent_once(opened: Opened, receiver: Receiver, status: int) -> None:
    receiver.behaves(fails(status))
    answer = opened(5).post(ORDER, insists=True)
    assert answer == WebhookAnswer("unknown", f"HTTP {status}")
    assert len(receiver.signals) == 1


@pytest.mark.parametrize(("behaviour", "outcome"), [(takes, "accepted"), (refuses(), "refused")])
def test_an_answer_that_comes_too_late_is_passed_on(
    opened: Opened, receiver: Receiver, behaviour: Behaviour, outcome: str
) -> None:
    receiver.behaves(waits := Late(behaviour))
    late: list[WebhookAnswer] = []
    assert opened(0.2).post(ORDER, late=late.append).outcome == "unknown"
    waits.go.set()
    until(lambda: late, "the late answer")
    assert late[0].outcome == outcome


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        ("0", 0.1),
        ("7200", 2.0),
        ("", 1.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0),
        ("9" * 99, 1.0),
    ],
)
def test_what_a_429_asks_for_has_bounds(header: str, seconds: float) -> None:
    assert read_answer(429, b"", {"Retry-After": header}).again_seconds == seconds


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"success": true, "id": "a"}', "accepted"),
        (b'{"success": false}', "refused"),
        (b'{"success": "false"}', "unknown"),
        (b'{"success": null, "id": "a"}', "unknown"),
        (b'{"error": "Unauthorized"}', "unknown"),
        (b"{}", "unknown"),
        (b"[]", "unknown"),
        (b"", "unknown"),
    ],
)
def test_only_a_plain_yes_is_one_and_only_a_plain_no(body: bytes, outcome: str) -> None:
    assert read_answer(200, body, {}).outcome == outcome


def test_insisting_has_its_bounds(opened: Opened, receiver: Receiver) -> None:
    receiver.behaves(*[too_soon()] * 20)
    assert opened(5).post(ORDER, insists=True).outcome == "refused"
    assert len(receiver.signals) == 4
    assert longest_seconds(5) == 17
