"""`portfold halt`, `resume`, `flatten` of a scope: a mistake never makes it one of the whole."""

import pytest

from portfold.cli.exits import Unusable
from portfold.cli.operate.scope_options import Of, made
from portfold.events.incoming import FlattenRequested, TradingHalted

BY = {"by": "jane", "reason": "it trades nonsense"}


def test_without_a_scope_an_order_is_of_the_whole() -> None:
    assert made(TradingHalted, Of(), **BY).scope is None


@pytest.mark.parametrize("kind", ["worker", "symbol", "group"])
def test_a_scope_is_named_by_its_kind(kind: str) -> None:
    order = made(FlattenRequested, Of(**{kind: "CL"}), **BY)
    assert str(order.scope) == f"{kind} CL"


@pytest.mark.parametrize("kind", ["worker", "symbol", "group"])
def test_a_name_that_a_shell_left_empty_is_not_the_whole(kind: str) -> None:
    with pytest.raises(Unusable, match=f"--{kind}: expected a name, got nothing"):
        made(FlattenRequested, Of(**{kind: ""}), **BY)


def test_two_scopes_are_no_order() -> None:
    with pytest.raises(Unusable, match="--worker, --symbol: expected one of them"):
        made(FlattenRequested, Of(worker="ibs-CL", symbol="CL"), **BY)
