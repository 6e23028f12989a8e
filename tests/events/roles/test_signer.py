"""Whoever signs asks how the log is, and not what its own clock says."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfold.events.codec import encode
from portfold.events.incoming import ClockTicked, Event, PositionMarked, TradingHalted
from portfold.events.proof import apart
from portfold.events.roles.credentials import without_password
from portfold.events.roles.keyring import Keyring, with_new_key
from portfold.events.roles.signer import LogAsItIs, Signer
from portfold.events.stream_id import StreamId
from tests.waiting import until

NOON = 1_800_000_000_000
HALT = TradingHalted(by="jane", reason="news")


class Asked:
    """A log that counts how often it is asked how it is, and this machine's steady clock."""

    def __init__(self, file: Path) -> None:
        for name in ("coordinator", "ibs-ES", "jane"):
            with_new_key(file, name)
        self.log, self.times, self.seconds = LogAsItIs("a1", StreamId(NOON, 0)), 0, 0.0
        self.signer = Signer(Keyring(file), self, lambda: self.seconds)

    def __call__(self) -> LogAsItIs:
        self.times += 1
        return self.log

    def signs(self, event: Event) -> tuple[int, int]:
        """When, after noon, the proof says that it was signed."""
        _, proof = apart(self.signer.signed(encode(event)))
        assert proof is not None
        return proof.signed.ms - NOON, proof.signed.seq


def test_a_key_that_was_dropped_proves_nothing_soon(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with_new_key(file, "jane")
    ring = Keyring(file)
    order = ring.signed(encode(HALT), log="a1", at=StreamId(NOON, 0))
    assert ring.refusal(order, log="a1") == ""
    with_new_key(file, "jane")
    without_password(file, "jane.1")
    until(lambda: "got another" in ring.refusal(order, log="a1"), "the old key to be refused")


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path / "keys.json")


def mark(seq: int, session: str = "s1") -> PositionMarked:
    return PositionMarked("ibs-ES", session, seq, "ES", "long", Decimal(5000), Decimal(0))


def test_an_order_is_signed_behind_what_is_on_the_log_then(asked: Asked) -> None:
    assert asked.signs(HALT) == (0, 0)
    asked.log = LogAsItIs("a1", StreamId(NOON + 5, 3))
    assert asked.signs(HALT) == (5, 3)
    assert asked.signs(ClockTicked()) == (5, 4), "nothing has come meanwhile, and no two are alike"
    assert asked.times == 3


def test_within_a_session_it_is_not_asked_for_each_event(asked: Asked) -> None:
    assert [asked.signs(mark(1)), asked.signs(mark(2))] == [(0, 0), (0, 1)]
    assert asked.times == 1
    asked.log = LogAsItIs("a1", StreamId(NOON + 5, 0))
    assert asked.signs(mark(1, "s2")) == (5, 0)
    asked.seconds, asked.log = 10.0, LogAsItIs("a1", StreamId(NOON + 9_000, 0))
    assert asked.signs(mark(2, "s2")) == (9_000, 0)


def test_a_log_without_a_name_is_asked_until_it_has_one(asked: Asked) -> None:
    asked.log = LogAsItIs("", StreamId(NOON, 0))
    asked.signs(mark(1))
    asked.log = LogAsItIs("a1", StreamId(NOON, 0))
    asked.signs(mark(2))
    asked.signs(mark(3))
    assert asked.times == 2


def test_a_log_that_was_renewed_is_gone_back_to_and_a_clock_that_was_set_back_is_not(asked: Asked) -> None:
    asked.log = LogAsItIs("a1", StreamId(NOON + 1_001, 0))
    asked.signs(HALT)
    asked.log = LogAsItIs("a1", StreamId(NOON + 1, 0))
    assert asked.signs(HALT) == (1_001, 1)
    asked.log = LogAsItIs("a1", StreamId(NOON, 0))
    assert asked.signs(HALT) == (0, 0)
