"""Sinks against a service that misbehaves: a call always ends, says what came of it, and shows no secret."""

import io
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.log import open_log
from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks import discord as discord_sink
from portfold.workers.notify.sinks import http
from portfold.workers.notify.sinks.discord import LONGEST_TEXT, DiscordSink, GlobalRest, escaped
from portfold.workers.notify.sinks.http import Address
from portfold.workers.notify.sinks.log import LogSink
from portfold.workers.notify.sinks.protocol import NotSent, Sink
from portfold.workers.notify.sinks.webhook import WebhookSink
from tests.fake_discord import HIDDEN, MANNERS, FakeDiscord, Manner

PATIENCE_SECONDS = 1.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are real, and short."""
    for module in (http, discord_sink):
        monkeypatch.setattr(module, "READ_SECONDS", PATIENCE_SECONDS)
        monkeypatch.setattr(module, "CONNECT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr("portfold.workers.notify.sinks.webhook.READ_SECONDS", PATIENCE_SECONDS)


def message(*lines: str, **changed: Any) -> Message:
    told: dict[str, Any] = {
        "level": "info",
        "kinds": ("trade_opened",),
        "lines": lines or ("Opened: CL",),
        "count": 1,
        "first_ms": 1_736_956_800_000,
        "last_ms": 1_736_956_801_500,
        "closed": True,
    }
    return Message(**(told | changed))


def discord_at(fake: FakeDiscord, rest: GlobalRest | None = None, webhook: str = "1") -> DiscordSink:
    return DiscordSink(Address(fake.url(webhook)), rest or GlobalRest())


def sinks_at(fake: FakeDiscord) -> list[Sink]:
    return [discord_at(fake), WebhookSink(Address(fake.url()), "main")]


def refusal(sink: Sink, *lines: str) -> NotSent:
    with pytest.raises(NotSent) as caught:
        sink.send(message(*lines))
    return caught.value


@contextmanager
def nothing_shown(capfd: pytest.CaptureFixture[str]) -> Iterator[io.StringIO]:
    """The address is in nothing that a library logs or prints, at its most talkative, or the block writes."""
    said = io.StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    heard = said.getvalue() + "".join(capfd.readouterr())
    assert HIDDEN not in heard
    assert "/api/webhooks" not in heard


# --- every manner ---------------------------------------------------------------------------------------

WELL: tuple[Manner, ...] = ("ok", "no content", "ok, last for now")
ENDING = [manner for manner in MANNERS if manner != "drip headers"]
"""Against that one there is the bound of the whole attempt: see delivery/test_discord.py."""


@pytest.mark.parametrize("manner", WELL)
def test_what_was_taken_is_sent(
    discord: FakeDiscord, manner: Manner, capfd: pytest.CaptureFixture[str]
) -> None:
    with nothing_shown(capfd) as said:
        for sink in sinks_at(discord):
            discord.next(manner)
            sink.send(message("Opened: CL", "Opened: ES"))
            said.write(repr(sink) + repr(vars(sink)))
    assert discord.texts == ["Opened: CL\nOpened: ES"] * 2


@pytest.mark.parametrize("manner", [manner for manner in ENDING if manner not in WELL])
def test_what_was_not_taken_is_not_sent_and_that_is_known_soon(
    discord: FakeDiscord, manner: Manner, capfd: pytest.CaptureFixture[str]
) -> None:
    with nothing_shown(capfd) as said:
        for sink in sinks_at(discord):
            discord.next(manner)
            begun = time.monotonic()
            failed = refusal(sink)
            assert time.monotonic() - begun < 8 * PATIENCE_SECONDS
            assert failed.__cause__ is None
            assert failed.__context__ is None
            assert "127.0.0.1" not in str(failed)
            said.write(repr(failed) + str(failed) + repr(sink) + repr(vars(sink)))


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("error page", "Discord answered 502"),
        ("error, not even text", "Discord answered 500"),
        ("gone", "Discord answered 404: there is no such webhook; was it deleted?"),
        ("refused", "Discord answered 400: it refuses the message"),
        ("redirect", "Discord answered 302"),
        ("hang", f"no answer within {PATIENCE_SECONDS:g} s"),
        ("reset", "no connection, or it broke"),
        ("nonsense", "no connection, or it broke"),
        ("limited", "Discord limits the rate on this webhook (429)"),
        ("limited everywhere", "Discord limits the rate on all webhooks (429)"),
    ],
)
def test_it_is_said_what_came_back(discord: FakeDiscord, manner: Manner, why: str) -> None:
    discord.next(manner)
    assert str(refusal(discord_at(discord))) == why


def test_nobody_there_and_a_service_that_speaks_no_tls(discord: FakeDiscord) -> None:
    secure = discord.url().replace("http://", "https://")
    assert "TLS could not be agreed on" in str(refusal(DiscordSink(Address(secure), GlobalRest())))
    discord.vanish()
    assert str(refusal(discord_at(discord))) == "no connection, or it broke"
    nowhere = DiscordSink(Address(f"http://no-such-host.invalid/{HIDDEN}"), GlobalRest())
    assert str(refusal(nowhere)) == "no connection, or it broke"


@pytest.mark.parametrize("url", ["http://[::1/x", "http://a b/x", "http://" + "a" * 300 + "/", "http://:0/"])
def test_an_address_that_is_none_is_a_sentence_too(url: str) -> None:
    assert url not in str(refusal(DiscordSink(Address(url), GlobalRest())))


# --- how long to wait -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("manner", "asked", "seconds"),
    [
        ("limited", 1.25, 1.25),
        ("limited by header", 20, 20.0),
        ("limited by a page", 20, 20.0),
        ("limited everywhere", 0.5, 0.5),
        ("limited by a page", 7200, 3600.0),
        ("limited", 10**9, 3600.0),
        ("limited, nonsense", 1, None),
    ],
)
def test_the_rest_that_discord_asks_for(
    discord: FakeDiscord, manner: Manner, asked: float, seconds: float | None
) -> None:
    discord.always(manner, rest_seconds=asked)
    assert refusal(discord_at(discord)).retry_seconds == seconds


def test_a_limit_everywhere_holds_for_the_other_webhooks_of_the_process_too(discord: FakeDiscord) -> None:
    now = 0.0
    rest = GlobalRest(lambda: now)
    one, other = discord_at(discord, rest, "1"), discord_at(discord, rest, "2")
    discord.always("limited everywhere", rest_seconds=0.3)
    refusal(one)
    discord.always("ok")
    failed = refusal(other)
    assert str(failed) == "Discord asked for rest on all webhooks"
    assert failed.retry_seconds == 0.3
    now = 0.3
    other.send(message())
    assert [post.path.split("/")[3] for post in discord.attempts] == ["1", "2"]


def test_a_limit_on_one_webhook_is_none_on_another(discord: FakeDiscord) -> None:
    rest = GlobalRest()
    discord.next("limited")
    refusal(discord_at(discord, rest, "1"))
    discord_at(discord, rest, "2").send(message())


def test_when_it_was_the_last_for_now_the_next_is_held_back(discord: FakeDiscord) -> None:
    discord.always("ok, last for now", rest_seconds=1.5)
    assert discord_at(discord).send(message()) == 1.5
    discord.always("ok")
    assert discord_at(discord).send(message()) == 0.0


# --- what arrives ---------------------------------------------------------------------------------------


def test_nobody_is_mentioned_and_no_preview_shown(discord: FakeDiscord) -> None:
    discord_at(discord).send(message("Trading halted by @everyone: see <@&123> https://example.com"))
    [post] = discord.told
    assert post.payload["allowed_mentions"] == {"parse": []}
    assert post.payload["flags"] == 4
    assert post.path.endswith("?wait=True")
    assert "@everyone" not in post.content
    assert "<@" not in post.content.replace("\\<", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("max_positions reached", "max_positions reached"),
        ("_under_ __more__", "\\_under\\_ \\_\\_more\\_\\_"),
        ("*bold* **very**", "\\*bold\\* \\*\\*very\\*\\*"),
        ("`code` ```block```", "\\`code\\` \\`\\`\\`block\\`\\`\\`"),
        ("~~gone~~ ||spoiler||", "\\~\\~gone\\~\\~ \\|\\|spoiler\\|\\|"),
        ("[text](https://example.com)", "\\[text\\](https://example.com)"),
        ("> quote\n# head\n-# small\n- list", "\\> quote\n\\# head\n-\\# small\n\\- list"),
        ("back\\slash\\*", "back\\\\slash\\\\\\*"),
        ("a | b", "a | b"),
        ("@ 71.25", "@ 71.25"),
        ("P&L: $-2,512.50", "P&L: $-2,512.50"),
        ("<t:0> <#1> <:x:2>", "\\<t:0\\> \\<\\#1\\> \\<:x:2\\>"),
    ],
)
def test_signs_are_shown_as_they_are(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text())
def test_what_is_escaped_can_be_read_back_and_leaves_no_sign_bare(text: str) -> None:
    shown = escaped(text)
    plain, bare, index = "", "", 0
    while index < len(shown):
        if shown[index] == "\\":
            index += 1
            plain += shown[index]
        else:
            plain += shown[index]
            bare += shown[index]
        index += 1
    assert plain.replace("@\u200b", "@") == text.replace("@\u200b", "@")
    assert not set(bare) & set("*~`<>[]#\\")
    assert "||" not in shown


@given(st.text(alphabet=st.sampled_from("*_a😀 \\"), min_size=1900, max_size=2400))
def test_no_text_is_longer_than_discord_takes_or_ends_within_a_sign(text: str) -> None:
    sent = discord_sink.cut(escaped(text))
    assert len(sent.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    sent.encode()  # no half of a character
    body = sent.removesuffix("…")
    assert (len(body) - len(body.rstrip("\\"))) % 2 == 0


@pytest.mark.parametrize(("length", "fits"), [(2000, True), (2001, False)])
def test_what_fits(length: int, *, fits: bool) -> None:
    sink = DiscordSink(Address("http://127.0.0.1:1/"), GlobalRest())
    assert sink.fits("x" * length) == fits
    assert sink.fits("*" * (length // 2) + "x" * (length % 2)) == fits


def test_a_generic_webhook_gets_json(discord: FakeDiscord) -> None:
    WebhookSink(Address(discord.url()), "main").send(
        message("🚨 STOP", "Time: now", level="critical", kinds=("stop",))
    )
    [post] = discord.told
    assert post.payload == {
        "portfolio": "main",
        "level": "critical",
        "kinds": ["stop"],
        "text": "🚨 STOP\nTime: now",
        "alerts": 1,
        "from": "2025-01-15T16:00:00.000+00:00",
        "to": "2025-01-15T16:00:01.500+00:00",
    }


def test_the_log_gets_a_line_for_a_critical_alert_and_one_for_each_of_many() -> None:
    said = io.StringIO()
    log, lines = open_log("notifier", target=said)
    sink = LogSink(log)
    sink.send(message("🚨 STOP", "Time: now", level="critical", kinds=("stop",)))
    sink.send(message("Opened: CL", "Opened: ES", count=2))
    lines.close()
    written = said.getvalue().splitlines()
    assert len(written) == 3
    assert '"event": "🚨 STOP | Time: now", "level": "critical"' in written[0]
    assert '"alert": "trade_opened", "event": "Opened: ES"' in written[2]


# --- the secret -----------------------------------------------------------------------------------------


def test_an_address_shows_itself_to_nobody_by_mistake() -> None:
    address = Address(f"https://discord.com/api/webhooks/1/{HIDDEN}")
    shown = f"{address} {address!r} {[address]}"
    assert HIDDEN not in shown
    assert HIDDEN in address.reveal()
