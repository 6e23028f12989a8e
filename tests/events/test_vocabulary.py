"""The vocabulary: every word is a type, says what it means, and can be told from every other."""

import inspect
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields as struct_fields

from portfold.events import account, calendar, decisions, incoming, limits_changed
from portfold.events.decisions import Decision
from portfold.events.incoming import Event
from portfold.events.message import AnyDecision, AnyEvent, WorkerEvent

EVENTS: tuple[type[Struct], ...] = get_args(Event)
DECISIONS: tuple[type[Struct], ...] = get_args(Decision)

BY_WORKERS = {
    "EntryRequested",
    "EntryWithdrawn",
    "EntryRenewed",
    "PositionOpened",
    "PositionClosed",
    "PositionMarked",
    "StopMoved",
    "WorkerStarted",
    "WorkerStopped",
    "LogTailMissing",
}
BY_OPERATORS = {
    "TradingHalted",
    "TradingResumed",
    "FlattenRequested",
    "LockoutOrdered",
    "LimitsChanged",
    "PositionSettled",
    "AccountSettled",
    "CashMoved",
    "SessionsPublished",
    "WindowsPublished",
    "LossAcknowledged",
    "WorkerRetired",
}
BY_THE_WATCHER = {"AccountReported"}
BY_THE_LEADER = {"CoordinatorStarted", "ClockTicked", "WorkerLost"}
OUT = {
    "EntryAllowed",
    "EntryDenied",
    "EntryExpired",
    "StopLossApproaching",
    "StopLossTriggered",
    "LimitReached",
    "FlattenOrdered",
    "FlattenHandedOver",
    "FlattenOverdue",
    "PortfolioFlat",
    "FlatUnconfirmed",
    "AccountDiffers",
    "AccountAgrees",
    "AccountSilent",
    "AccountHeard",
    "LimitBreached",
    "PositionAdopted",
    "PositionMismatch",
    "PnlDisputed",
    "MarkStale",
    "MarkDoubted",
    "WindowOpened",
    "WindowClosed",
    "LockoutEnded",
    "TradingDayStarted",
    "EventRejected",
    "LooseningWaits",
    "LooseningEnded",
}
EACH = (*EVENTS, *DECISIONS)


def names(messages: tuple[type[Struct], ...]) -> set[str]:
    return {message.__name__ for message in messages}


def test_events_in_are_these() -> None:
    assert names(EVENTS) == BY_WORKERS | BY_OPERATORS | BY_THE_WATCHER | BY_THE_LEADER


def test_decisions_out_are_these() -> None:
    assert names(DECISIONS) == OUT


def test_no_decision_is_named_like_an_event() -> None:
    assert not names(EVENTS) & names(DECISIONS)


def test_no_message_is_declared_and_then_forgotten() -> None:
    declared = {
        name
        for module in (incoming, decisions, account, calendar, limits_changed)
        for name, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and issubclass(thing, AnyEvent | AnyDecision)
    }
    assert declared == names(EACH)


def test_what_workers_say_carries_worker_session_and_number() -> None:
    assert {message.__name__ for message in EVENTS if issubclass(message, WorkerEvent)} == BY_WORKERS
    for message in EVENTS:
        if issubclass(message, WorkerEvent):
            assert message.__struct_fields__[:3] == ("worker", "session", "seq")


def test_what_operators_order_says_who_and_why() -> None:
    for message in EVENTS:
        assert (message.__struct_fields__[:2] == ("by", "reason")) == (message.__name__ in BY_OPERATORS)


def test_a_message_says_what_it_means(subtests: pytest.Subtests) -> None:
    for message in EACH:
        with subtests.test(message.__name__):
            meaning = vars(message).get("__doc__")
            assert meaning
            assert meaning.strip().endswith(".")


def test_a_message_is_named_by_its_type_cannot_be_changed_and_allows_no_other_field(
    subtests: pytest.Subtests,
) -> None:
    for message in EACH:
        with subtests.test(message.__name__):
            config = message.__struct_config__
            assert (config.tag_field, config.tag) == ("type", message.__name__)
            assert config.frozen
            assert config.forbid_unknown_fields


def test_no_field_takes_a_name_that_every_entry_uses(subtests: pytest.Subtests) -> None:
    for message in EACH:
        with subtests.test(message.__name__):
            assert not {"type", "event", "chain"} & set(message.__struct_fields__)


def test_every_field_is_of_a_kind_that_says_what_it_expects(subtests: pytest.Subtests) -> None:
    for message in EACH:
        for name, kind in get_type_hints(message, include_extras=True).items():
            if name in message.__struct_fields__:
                with subtests.test(f"{message.__name__}.{name}"):
                    assert get_origin(kind) is Annotated
                    meta = get_args(kind)[-1]
                    assert isinstance(meta, Meta)
                    assert meta.description


def test_what_may_be_left_out_is_nothing_or_no(subtests: pytest.Subtests) -> None:
    for message in EACH:
        for field in struct_fields(message):
            with subtests.test(f"{message.__name__}.{field.name}"):
                assert field.default is NODEFAULT or field.default in ("", False)


def test_no_event_carries_a_time_as_that_is_its_id() -> None:
    for message in EVENTS:
        assert not {"at", "ms", "time", "timestamp"} & set(message.__struct_fields__)
