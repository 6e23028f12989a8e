"""Alerts by Apprise, at a stand-in for ntfy that speaks its protocol and misbehaves on order."""

import io
import logging
from typing import Any

import pytest

from portfold.config import Destination
from portfold.workers.notify.alert import Message
from portfold.workers.notify.process import webhook_sink
from portfold.workers.notify.sinks import apprise as apprise_sink
from portfold.workers.notify.sinks.apprise import AppriseSink, NoAddress
from portfold.workers.notify.sinks.discord import GlobalRest
from portfold.workers.notify.sinks.http import Address
from portfold.workers.notify.sinks.protocol import NotSent
from tests.fake_discord import HIDDEN, FakeDiscord, Manner

PATIENCE_SECONDS = 1.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are real, and short."""
    for name in ("READ_SECONDS", "CONNECT_SECONDS"):
        monkeypatch.setattr(apprise_sink, name, PATIENCE_SECONDS)


def phone(fake: FakeDiscord, more: str = "") -> AppriseSink:
    """A sink at the stand-in, whose topic is the secret; an address may ask for more than it gets."""
    sink = webhook_sink(
        Destination("apprise", "PHONE"),
        f"ntfy://127.0.0.1:{fake.port}/{HIDDEN}?rto=99&retry=9{more}",
        "main",
        GlobalRest(),
    )
    assert isinstance(sink, AppriseSink)
    return sink


def message(text: str = "Opened: CL", level: Any = "info") -> Message:
    return Message(level, ("trade_opened",), (text,), 1, 0, 0, closed=True)


def test_what_ntfy_takes_is_sent_as_it_is(discord: FakeDiscord) -> None:
    text = "🚨 STOP <b>&amp; *CL* | limit: $-2,500.00"
    phone(discord).send(message(text, "critical"))
    (post,) = discord.told
    assert post.payload["topic"] == HIDDEN
    assert post.payload["message"] == text


@pytest.mark.parametrize(
    ("manner", "why", "for_good"),
    [
        ("refused", "ntfy answered 400", True),
        ("limited", "ntfy answered 429", False),
        ("gone", "ntfy answered", False),
        ("error page", "ntfy answered 502", False),
        ("redirect", "ntfy answered 302", False),
        ("error, not even text", "ntfy answered 500", False),
        ("hang", "ntfy was not reached", False),
        ("hang after headers", "ntfy", False),
        ("reset", "ntfy was not reached", False),
        ("nonsense", "ntfy was not reached", False),
    ],
)
def test_what_was_not_taken_is_not_sent_once_and_shows_no_address(
    discord: FakeDiscord, manner: Manner, why: str, *, for_good: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    said, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(said), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        discord.next(manner)
        with pytest.raises(NotSent) as caught:
            phone(discord).send(message())
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert str(caught.value).startswith(why)
    assert caught.value.for_good is for_good
    assert len(discord.attempts) == 1  # it repeats nothing by itself
    heard = said.getvalue() + str(caught.value) + "".join(capfd.readouterr())
    assert HIDDEN not in heard
    assert "127.0.0.1" not in heard


def test_nobody_there_is_known(discord: FakeDiscord) -> None:
    sink = phone(discord)
    discord.vanish()
    with pytest.raises(NotSent, match="ntfy was not reached"):
        sink.send(message())


def test_a_text_fits_as_far_as_the_service_takes_it(discord: FakeDiscord) -> None:
    sink = phone(discord)
    assert sink.fits("x" * 7_800)
    assert not sink.fits("x" * 7_801)


@pytest.mark.parametrize("address", [f"nobody://{HIDDEN}", f"https://{HIDDEN}@", "tgram://"])
def test_what_apprise_does_not_know_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(NoAddress, match="expected an address that Apprise knows") as caught:
        AppriseSink(Address(address))
    assert HIDDEN not in str(caught.value)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(NoAddress, match=r"not installed: \S+pip install -e '\S+\[phone\]'"):
        AppriseSink(Address("ntfy://127.0.0.1/x"))
