"""Whatever goes wrong on the way to a real server is told apart: unreachable, or refused."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portfold.events.chain import GENESIS
from portfold.events.market import Step
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from portfold.events.wire.presence import Switch
from tests.events.wire.commits import SEVEN, TICK, commit
from tests.server import EmbeddedServer
from tests.waiting import until

_PASSWORD = "hunter2"  # noqa: S105 - of a server that lives for one test


@contextmanager
def frozen(server: EmbeddedServer) -> Iterator[None]:
    """Within the block the server is there and does not answer."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


EVERYTHING: dict[str, Callable[[Bus], object]] = {
    "append": lambda bus: bus.append(TICK),
    "events_after": lambda bus: bus.events_after(ORIGIN, count=1),
    "events_after, waiting": lambda bus: bus.events_after(ORIGIN, count=1, block_ms=50),
    "decisions_after": lambda bus: bus.decisions_after(ORIGIN, count=1),
    "decisions_of": lambda bus: bus.decisions_of(StreamId(1, 1)),
    "last_event": lambda bus: bus.last_event(),
    "last_decision": lambda bus: bus.last_decision(),
    "last_pull": lambda bus: bus.last_pull(),
    "last_pull_id": lambda bus: bus.last_pull_id(),
    "orders_after": lambda bus: bus.orders_after(ORIGIN, ORIGIN, count=1, block_ms=50),
    "log_name": lambda bus: bus.log_name(),
    "take_lead": lambda bus: bus.take_lead("me", 1000),
    "keep_lead": lambda bus: bus.keep_lead("me", 1000),
    "commit": lambda bus: commit(bus, epoch=1),
    "head": lambda bus: bus.head(),
    "extent": lambda bus: bus.extent(),
    "decisions_extent": lambda bus: bus.decisions_extent(),
    "events_before": lambda bus: bus.events_before(ORIGIN, count=1),
    "notifiers": lambda bus: bus.notifiers(["discord"]),
    "lost": lambda bus: bus.lost([SEVEN]),
    "remember_server": lambda bus: bus.remember_server("run"),
    "acknowledge": lambda bus: bus.acknowledge(
        TICK, cursor=ORIGIN, folded=0, folded_from_now=0, cut_off=False
    ),
    "settings": lambda bus: bus.settings(),
    "leader": lambda bus: bus.leader(),
    "stand_by": lambda bus: bus.stand_by("me", 1000),
    "standby": lambda bus: bus.standby(),
    "status": lambda bus: bus.status(),
    "now_ms": lambda bus: bus.now_ms(),
    "server": lambda bus: bus.server(),
    "beat": lambda bus: bus.beat("ibs-ES", "s1", 1000),
    "beat_on": lambda bus: bus.beat_on("ibs-ES", "s1", 1000),
    "standing": lambda bus: bus.standing("ibs-ES"),
    "say_book_lacks": lambda bus: bus.say_book_lacks("ES", 1000),
    "book_lacks": lambda bus: bus.book_lacks(),
    "say_book_exceeds": lambda bus: bus.say_book_exceeds("ES", 1000),
    "book_exceeds": lambda bus: bus.book_exceeds(),
    "say_without_stop": lambda bus: bus.say_without_stop("ES", 1000),
    "without_stop": lambda bus: bus.without_stop(),
    "say_less_than_expected": lambda bus: bus.say_less_than_expected("it", 1000),
    "less_than_expected": lambda bus: bus.less_than_expected(),
    "say_switch": lambda bus: bus.say_switch(Switch(0, 60_000, ""), 1000),
    "switch": lambda bus: bus.switch(),
    "beats": lambda bus: bus.beats(["ibs-ES"]),
    "beats_lapse_at": lambda bus: bus.beats_lapse_at(["ibs-ES"]),
    "publish": lambda bus: bus.publish(bus.keys.bars, TICK),
    "published_after": lambda bus: bus.published_after(bus.keys.bars, ORIGIN, count=1, block_ms=50),
    "take_feed": lambda bus: bus.take_feed("me", 1000),
    "keep_feed": lambda bus: bus.keep_feed("me", 1000, 1),
    "add_step": lambda bus: bus.add_step(1, Step(1, {}), 10),
    "write_prices": lambda bus: bus.write_prices(1, "made", []),
    "write_notices": lambda bus: bus.write_notices(1, {}),
    "write_contracts": lambda bus: bus.write_contracts(1, {}),
    "last_step": lambda bus: bus.last_step(),
    "last_prices": lambda bus: bus.last_prices(["ES"]),
    "first_step_id": lambda bus: bus.first_step_id(),
    "market": lambda bus: bus.market(),
}


def test_without_a_server_everything_is_unreachable(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        url = server.url
    bus = Bus(connect(url, timeout_seconds=1), portfolio)
    for name, call in EVERYTHING.items():
        with pytest.raises(BusUnreachable, match=r"Redis at 127.0.0.1:[0-9]+ did not answer while"):
            print(name, call(bus))
    bus.close()


def test_a_server_that_does_not_answer_is_unreachable_in_bounded_time(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server, frozen(server):
        bus = Bus(connect(server.url, timeout_seconds=0.05), portfolio)
        began = time.monotonic()
        for name, call in EVERYTHING.items():
            with pytest.raises(BusUnreachable, match=r"Redis at 127.0.0.1:[0-9]+ did not answer while"):
                print(name, call(bus))
        assert time.monotonic() - began < 1.0 * len(EVERYTHING)
        bus.close()


@pytest.mark.parametrize(
    "key_and_calls",
    [
        ("events", ["append", "events_after", "events_after, waiting", "last_event", "extent", "lost"]),
        ("decisions", ["decisions_after", "decisions_of", "last_decision"]),
        ("head", ["take_lead", "head", "commit", "remember_server", "acknowledge"]),
        ("status", ["status"]),
        ("bars", ["publish", "published_after", "last_step", "market"]),
        ("prices", ["last_prices", "market"]),
        ("feed_head", ["take_feed", "add_step", "write_prices", "write_notices"]),
    ],
    ids=lambda case: case[0],
)
def test_a_key_of_another_type_is_a_refusal(
    bus: Bus, client: Any, key_and_calls: tuple[str, list[str]]
) -> None:
    key, calls = key_and_calls
    client.set(getattr(bus.keys, key), "somebody's text")
    for name in calls:
        with pytest.raises(BusRefused, match=r"Redis refused while .*WRONGTYPE"):
            print(name, EVERYTHING[name](bus))


def test_a_lease_of_another_type_is_a_refusal(bus: Bus, client: Any) -> None:
    client.hset(bus.keys.leader, "some", "hash")
    for name in ("take_lead", "keep_lead", "leader"):
        with pytest.raises(BusRefused, match="WRONGTYPE"):
            EVERYTHING[name](bus)


@pytest.mark.parametrize("field", ["cursor", "epoch", "folded"])
def test_a_head_that_was_overwritten_by_hand_is_a_refusal_that_names_the_field(
    bus: Bus, client: Any, field: str
) -> None:
    client.hset(bus.keys.head, mapping={"epoch": "1", "cursor": "1-1", "chain": GENESIS} | {field: "rubbish"})
    with pytest.raises(BusRefused, match=f"{field}: expected .*rubbish"):
        bus.head()
    with pytest.raises(BusRefused):
        bus.take_lead("me", 1000)


def test_a_password_that_is_missing_or_wrong_is_said(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        with Redis.from_url(server.url) as client:
            client.config_set("requirepass", _PASSWORD)
        for password in (None, "wrong"):
            bus = Bus(connect(server.url, password=password), portfolio)
            with pytest.raises(BusError, match=r"(?i)auth|pass"):
                bus.now_ms()
            bus.close()
        bus = Bus(connect(server.url, password=_PASSWORD), portfolio)
        assert bus.now_ms() > 0
        bus.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis://127.0.0.1:port", "127.0.0.1:6379", ""])
def test_an_url_that_is_none_is_refused_with_what_was_expected(url: str) -> None:
    with pytest.raises(BusRefused, match=r"redis_url: expected redis://HOST:PORT/DB, unix://PATH, .*, got"):
        connect(url)


def test_a_refused_url_keeps_its_password_to_itself() -> None:
    with pytest.raises(BusRefused) as refused:
        connect("http://user:hunter2@127.0.0.1")
    assert "hunter2" not in str(refused.value)


def is_answered(bus: Bus) -> bool:
    """Whether the server answers in time."""
    try:
        return bus.now_ms() > 0
    except BusUnreachable:
        return False


def test_nothing_is_sent_again_by_itself(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        patient = Bus(connect(server.url), portfolio)
        patient.append(["n", "1"])
        impatient = Bus(connect(server.url, timeout_seconds=0.1), portfolio)
        until(lambda: is_answered(impatient), "a connection")
        with frozen(server), pytest.raises(BusUnreachable):
            impatient.append(["n", "2"])  # it lies in the server's socket, and is read when the server wakes
        until(lambda: len(patient.events_after(ORIGIN, count=9)) > 1, "what was sent")
        patient.append(["n", "3"])
        assert [entry.fields[1] for entry in patient.events_after(ORIGIN, count=9)] == ["1", "2", "3"]
        impatient.close()
        patient.close()


def test_a_connection_that_broke_is_made_anew_for_the_next_call(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        bus = Bus(connect(server.url), portfolio)
        first = bus.append(TICK)
        server.kill()
        with pytest.raises(BusUnreachable):
            bus.append(TICK)
        server.restart()
        assert [entry.id for entry in bus.events_after(ORIGIN, count=9)] == [first]
        bus.close()
