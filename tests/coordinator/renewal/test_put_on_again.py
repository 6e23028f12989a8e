"""What of the events that a renewal takes off goes on again, and as what; only what is proved."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfold.coordinator.fold.proofs.remembered import AllSigned
from portfold.coordinator.process.proved_before import ProvedBefore
from portfold.coordinator.process.put_on_again import Chooser, PutOn
from portfold.events.codec import decode_event, encode_checked
from portfold.events.incoming import (
    COORDINATOR,
    ClockTicked,
    CoordinatorStarted,
    EntryRequested,
    Event,
    FlattenRequested,
    LockoutOrdered,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    TradingHalted,
    TradingResumed,
)
from portfold.events.proof import apart, proved
from portfold.events.roles.keyring import Keyring, with_new_key
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.coordinator.story import limits

NOW = 1_796_041_832_501
OPENED = PositionOpened("w", "s", 2, "ES", "long", 1, Decimal(5000))
CLOSED = PositionClosed("w", "s", 3, "ES", "long", 1, Decimal(4990), Decimal(4), Decimal(-504))
FLATTEN = FlattenRequested(by="jane", reason="exchange outage")


def entry(event: Event, at: int = 1) -> Entry:
    return Entry(StreamId(at, 0), list(encode_checked(event)))


def put_on(*events: Event, decided_up_to: int = 1_000) -> list[PutOn]:
    """What goes on of these events, at 1-0, 2-0 and so on."""
    chooser = Chooser((), None)
    chooser.look_at(entry(event, at) for at, event in enumerate(events, 1))
    return chooser.put_on(StreamId(decided_up_to, 0) if decided_up_to else ORIGIN)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (OPENED, ""),
        (TradingHalted(by="jane", reason="news"), "TradingHalted by jane, event 1-0: as it was"),
        (LockoutOrdered(by="jane", reason="x", until_ms=9), "LockoutOrdered by jane, event 1-0: as it was"),
        (limits(), "LimitsChanged by coordinator, event 1-0: as it was"),
    ],
)
def test_facts_and_orders_that_close_nothing_go_on_as_they_are(event: Event, words: str) -> None:
    [one] = put_on(event)
    assert decode_event(one.fields) == event
    assert one.order_in_words == words


@pytest.mark.parametrize(
    "event",
    [
        TradingResumed(by="jane", reason="over"),
        TradingHalted(by=COORDINATOR, reason="the clock"),
        EntryRequested("w", "s", 1, "ES", "long", 1),
        PositionMarked("w", "s", 4, "ES", "long", Decimal(5001), Decimal(50)),
        ClockTicked(),
    ],
)
def test_what_resumes_trading_and_what_was_of_its_moment_does_not(event: Event) -> None:
    assert put_on(event) == []


@pytest.mark.parametrize(
    ("order", "about"),
    [(FLATTEN, ""), (FlattenRequested(by="jane", reason="its feed is bad", symbol="CL"), " of symbol CL")],
)
def test_an_order_to_flatten_goes_on_as_a_halt_once_it_was_decided_and_else_as_it_was(
    order: FlattenRequested, about: str
) -> None:
    undecided, decided = put_on(order, decided_up_to=0)[0], put_on(order, decided_up_to=1)[0]
    assert decode_event(undecided.fields) == order
    assert undecided.order_in_words == (
        f"FlattenRequested{about} by jane, event 1-0: as it was, and closes what is open then"
    )
    halt = TradingHalted(by="jane", reason=order.reason, symbol=order.symbol)
    assert decode_event(decided.fields) == halt
    assert decided.order_in_words == f"FlattenRequested{about} by jane, event 1-0: as TradingHalted"


def test_what_was_made_is_told_of_closes() -> None:
    assert [one.pnl for one in put_on(OPENED, CLOSED)] == [0, Decimal(-504)]


class Signed:
    """A log that asks for proofs, at whose end events are judged."""

    def __init__(self, folder: Path) -> None:
        for name in ("w", "jane", COORDINATOR):
            with_new_key(folder / "keys.json", name)
        self.ring = Keyring(folder / "keys.json")

    def entry(self, event: Event, key: str, *, signed: int = NOW, at: int = NOW) -> Entry:
        secret = self.ring.secret(key)
        fields = proved(encode_checked(event), key=key, secret=secret, log="main", at=StreamId(signed, 0))
        return Entry(StreamId(at, 0), fields)

    def judged(
        self, *entries: Entry, asked: bool = True, before: tuple[Entry, ...] = (), forgotten: int = 0
    ) -> list[bool]:
        """Of orders of jane's that came `before`, and what of her and the worker is `forgotten`."""
        signed = AllSigned(forgotten=StreamId(forgotten, 0))
        for one in before:
            proof = apart(one.fields)[1]
            assert proof is not None
            signed.by("jane").remember(proof, one.id)
        judge = ProvedBefore(self.ring, "main", signed, asked=asked)
        return [judge.holds(one) for one in entries]


@pytest.fixture
def keys(tmp_path: Path) -> Signed:
    return Signed(tmp_path)


def test_what_nobody_proved_is_not_put_on_and_the_rest_is(keys: Signed) -> None:
    right, theirs = keys.entry(OPENED, "w.1"), keys.entry(OPENED, "jane.1")
    assert keys.judged(right, theirs, entry(OPENED, NOW)) == [True, False, False]
    chooser = Chooser((), ProvedBefore(keys.ring, "main", AllSigned(), asked=True))
    chooser.look_at([theirs, right, entry(EntryRequested("w", "s", 1, "ES", "long", 1), NOW)])
    assert [one.fields for one in chooser.put_on(ORIGIN)] == [right.fields]
    assert chooser.unproved == [theirs.id]


def test_a_copy_of_an_order_is_none_nor_is_what_was_signed_before_something_forgotten(keys: Signed) -> None:
    halt = TradingHalted(by="jane", reason="news")
    first, later = (keys.entry(halt, "jane.1", signed=ms) for ms in (NOW, NOW + 1))
    assert keys.judged(first, first, later) == [True, False, True]
    assert keys.judged(first, later, before=(first,)) == [False, True]
    fill = keys.entry(OPENED, "w.1")
    assert keys.judged(first, fill, forgotten=NOW - 1) == [True, True]
    assert keys.judged(first, fill, forgotten=NOW) == [False, False]


def test_behind_an_event_from_the_future_it_is_as_everywhere(keys: Signed) -> None:
    assert keys.judged(keys.entry(OPENED, "w.1", signed=NOW, at=9_999_999_999_999)) == [True]


def test_before_the_log_asked_for_proofs_none_is_needed_and_from_then_on_it_is(keys: Signed) -> None:
    started = CoordinatorStarted("leader", epoch=2, fold=10, keys=3)
    began, forged, plain = keys.entry(started, "coordinator.1"), entry(started, NOW), entry(OPENED, NOW)
    assert keys.judged(plain, forged, plain, began, plain, asked=False) == [True, True, True, True, False]


def test_who_renews_a_log_that_asks_for_no_proof_by_his_own_key_has_it_ask_for_none(keys: Signed) -> None:
    judge = ProvedBefore(keys.ring, "main", AllSigned(), asked=False)
    judge.holds(entry(OPENED, NOW))
    assert judge.keys == 0
    judge.holds(keys.entry(CoordinatorStarted("leader", epoch=2, fold=10, keys=3), "coordinator.1"))
    assert judge.keys == 3
