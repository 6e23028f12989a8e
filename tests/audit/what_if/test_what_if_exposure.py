"""What if a symbol, a worker or a group might have taken less: every number asked about, and swept."""

from typing import Any

import pytest

from portfold.coordinator.audit.what_if.findings import StopComes
from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.audit.what_if.sweep import SWEEPABLE, read_range, sweep
from portfold.coordinator.fold.rules.table import EXPOSURE
from portfold.events.codec import RefusedField
from tests.audit.in_memory import InMemory
from tests.audit.supposing import WrittenDown

GROUPS = "equities=ES,RTY"


def a_day(**rules: Any) -> WrittenDown:
    story = WrittenDown(**rules)
    for symbol in ("ES", "RTY", "CL"):
        story.enters(symbol)
    for symbol in ("ES", "RTY", "CL"):
        story.closes(symbol, "100")
    return story


@pytest.mark.parametrize(
    ("asked", "turned"),
    [
        ({"groups": GROUPS, "group_positions": "1"}, [("RTY", "allowed", "group_positions")]),
        ({"groups": GROUPS, "group_positions": "2"}, []),
        ({"max_symbol_contracts": "1"}, []),
        ({"worker_positions": "1"}, []),
        (
            {"contract_weights": "ES=4"},
            [("RTY", "allowed", "max_contracts"), ("CL", "allowed", "max_contracts")],
        ),
    ],
)
def test_what_would_have_been_denied(asked: dict[str, object], turned: list[tuple[str, str, str]]) -> None:
    assert a_day().what_if(**asked).turns == turned


def test_a_group_on_the_log_is_asked_about_by_its_number_alone() -> None:
    assert a_day(groups=GROUPS).what_if(group_positions="1").turns == [("RTY", "allowed", "group_positions")]


def test_a_number_of_a_group_where_the_log_has_none_is_half_a_question() -> None:
    with pytest.raises(RefusedField, match="group_positions: expected names of groups"):
        a_day().what_if(group_positions="1")
    assert str(Overrides.of({"group_positions": "1 equities=2"})) == "group_positions 1 equities=2"


def test_every_number_is_swept_but_the_ladder_which_is_many() -> None:
    assert {rule.code for rule in EXPOSURE} - set(SWEEPABLE) == {"contracts_ladder"}


def test_a_sweep_asks_for_each_number() -> None:
    points = sweep(InMemory(a_day(groups=GROUPS).log).recorded(), [read_range("group_positions=1..2")])
    assert [point.tally.denied.total() for point in points] == [1, 0]


def test_a_workers_own_loss_that_comes_closes_what_that_worker_holds_and_nothing_else() -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.marks("ES", "-500")
    story.closes("ES", "-450")
    story.closes("CL", "100")
    story.asks("ES")
    supposed = story.what_if(worker_daily_loss="500")
    came = supposed.one(StopComes)
    assert (came.rule, came.positions) == ("worker_daily_loss", "ES:long:1:ibs-ES")
    assert supposed.turns == [("ES", "allowed", "scope_closed")]
    assert story.what_if(worker_daily_loss="500.01").turns == []
