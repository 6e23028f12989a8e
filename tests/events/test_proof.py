"""Whose an event is: what proves it, what does not, and what every kind of event has to prove."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.events.codec import decode_bare, decode_event, encode
from portfold.events.incoming import Event, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.proof import apart, proved, proves, refused, refused_in, whose
from portfold.events.stream_id import StreamId
from tests.events.any_message import ANY_EVENT

MARK = [
    "type",
    "PositionMarked",
    "worker",
    "ibs-ES",
    "session",
    "s",
    "seq",
    "1",
    "symbol",
    "ES",
    "price",
    "5",
]
AT = StreamId(5, 2)
SECRET = "of-tests-and-nobody-else"  # noqa: S105 - of tests


def signed(fields: list[str], **how: object) -> list[str]:
    told: dict[str, object] = {"key": "ibs-ES.1", "secret": SECRET, "log": "a1", "at": AT} | how
    return proved(fields, **told)  # type: ignore[arg-type]


def test_a_proof_stands_behind_the_event_and_is_told_apart_from_it() -> None:
    whole = signed(MARK)
    assert whole[: len(MARK)] == MARK
    own, proof = apart(whole)
    assert proof is not None
    assert (own, proof.key, proof.name, proof.signed) == (MARK, "ibs-ES.1", "ibs-ES", AT)
    assert proves(whole, SECRET, "a1")
    assert decode_event(whole) == decode_bare(MARK)
    assert isinstance(decode_bare(whole), Malformed)  # as earlier versions took it


@given(st.integers(min_value=0, max_value=len(signed(MARK)) - 1), st.text(min_size=1, max_size=3))
def test_one_word_that_is_another_proves_nothing(at: int, word: str) -> None:
    whole = signed(MARK)
    altered = [*whole[:at], whole[at] + word, *whole[at + 1 :]]
    assert not proves(altered, SECRET, "a1")


def test_neither_another_key_nor_another_log_nor_another_order_proves_it() -> None:
    whole = signed(MARK)
    assert not proves(whole, f"{SECRET}x", "a1")
    assert not proves(whole, SECRET, "a2")
    assert not proves([*whole[:2], *whole[4:6], *whole[2:4], *whole[6:]], SECRET, "a1")
    assert not proves([*MARK[:-1], "\udcff", *whole[-6:]], SECRET, "a1")


@pytest.mark.parametrize("spoilt", [-6, -4, -2])
def test_what_is_no_proof_is_a_field_like_any_other(spoilt: int) -> None:
    whole = signed(MARK)
    whole[spoilt] = "x"
    assert apart(whole) == (whole, None)
    assert isinstance(decode_event(whole), Malformed)


@given(ANY_EVENT)
def test_every_event_says_who_has_to_prove_it(event: Event) -> None:
    name = whose(encode(event))
    if isinstance(event, WorkerEvent):
        assert name == event.worker
    else:
        assert name == getattr(event, "by", name)
        assert name


def test_the_leaders_own_are_the_coordinators_whatever_name_stands_in_them() -> None:
    kinds = {kind.__name__ for kind in get_args(Event) if not issubclass(kind, WorkerEvent)}
    own = {kind for kind in kinds if whose(["type", kind, "worker", "w", "by", "ann"]) == "coordinator"}
    assert own == {"CoordinatorStarted", "ClockTicked", "WorkerLost"}
    assert whose(["type", "AccountReported"]) == "account"
    assert whose(["type", "Nothing"]) == whose([]) == ""


def test_what_a_program_says_is_proved_by_the_key_of_its_name() -> None:
    assert whose(["type", "LimitsChanged", "by", "program old"]) == "old"
    assert whose(["type", "LimitsChanged", "by", "program jane"]) == "jane", "so nobody passes for her"
    assert whose(["type", "LimitsChanged", "by", "programmer"]) == "programmer"


def test_on_record_is_why_it_was_refused() -> None:
    reason = refused("expected one by a key of ann, got none")
    rejected = ["type", "EventRejected", "reason", reason, "event", "1-1", "chain", "0"]
    assert refused_in([["type", "PortfolioFlat"], rejected]) == reason
    assert refused_in([["type", "EventRejected", "reason", "type: missing"]]) == ""
