"""What an order of limits comes to is shown before it is given, and asked about where somebody can answer."""

import io

import pytest

from portfold.cli.exits import Unusable
from portfold.cli.operate.limits_effect import ask_again, effect
from portfold.coordinator.fold.limits import changed_limits, limits_of
from portfold.events.codec import RefusedField
from tests.cli.operate.test_lockout import Terminal
from tests.coordinator.story import limits
from tests.live import Live

HERE = limits_of(limits())


def lines(second: str = "", **changes: str) -> list[str]:
    ordered = limits_of(changed_limits(HERE, changes, by="jane", reason="r", second=second))
    return [*effect(HERE, HERE, ordered, second=second)]


def test_each_limit_that_changes_is_said_from_to_and_from_when_on() -> None:
    assert lines(max_positions="3", daily_stop_loss="9000") == [
        "max_positions 4 → 3: at once; to loosen it again waits for the next trading day",
        "daily_stop_loss 2500 → 9000: from the next trading day",
    ]


def test_what_a_second_person_agrees_to_counts_at_once() -> None:
    assert lines(second="joe", max_positions="5") == ["max_positions 4 → 5: at once, as joe agrees"]


def test_what_stays_is_not_said() -> None:
    assert lines(max_positions="4") == []


@pytest.mark.parametrize("answer", ["yes\n", "no\n", "\n", ""])
def test_on_a_terminal_it_is_asked_and_only_yes_orders(
    answer: str, live: Live, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live.publishes(limits())
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    if answer == "yes\n":
        ask_again(live.bus, {"max_positions": "3"}, by="jane", second="")
    else:
        with pytest.raises(Unusable, match="expected yes; nothing is ordered"):
            ask_again(live.bus, {"max_positions": "3"}, by="jane", second="")
    assert "max_positions 4 → 3: at once" in capsys.readouterr().out


def test_where_nobody_can_answer_it_is_not_asked(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.publishes(limits())
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ask_again(live.bus, {"max_positions": "3"}, by="jane", second="")


def test_a_second_person_who_is_the_first_is_refused_before_anybody_is_asked(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.publishes(limits())
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    with pytest.raises(RefusedField, match="second"):
        ask_again(live.bus, {"max_positions": "5"}, by="jane", second="Jane")
