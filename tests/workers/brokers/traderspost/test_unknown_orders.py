"""Orders of which nobody knows whether TradersPost took them: none is sent twice."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.workers.brokers.protocol import (
    BrokerError,
    OrderUnknown,
)
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.reconciliation import Reconciliation
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk
from tests.workers.brokers.traderspost.orders import PRICE, leg, quantities, two_owners, unknown_entry
from tests.workers.brokers.traderspost.webhook_server import (
    Behaviour,
    Late,
    answers,
    breaks_off,
    dribbles,
    fails,
    refuses,
    resets,
    slowly,
    takes,
)

UNKNOWN = [
    pytest.param(None, "No answer within 1 s", id="hangs"),
    pytest.param(resets, "The connection broke before there was an answer", id="resets"),
    pytest.param(breaks_off, "No answer could be read: ProtocolError", id="breaks off"),
    pytest.param(dribbles(0.2), "No answer within 1 s", id="dribbles"),
    *[pytest.param(fails(status), f"HTTP {status}", id=str(status)) for status in (500, 502, 503, 504, 520)],
    pytest.param(answers(200, b'{"status": "queued"}'), "neither a yes nor a no", id="no-word"),
    pytest.param(
        answers(200, b"<html>Log in to the hotel's network</html>"), "but no JSON object", id="html"
    ),
]


@pytest.mark.parametrize(("behaviour", "words"), UNKNOWN)
def test_what_nobody_knows_is_not_sent_again_and_counts_as_open(
    desk: Desk, behaviour: Behaviour | None, words: str
) -> None:
    desk.server.behaves(behaviour or desk.server.hangs)
    broker = desk.broker(timeout=1)
    with pytest.raises(
        OrderUnknown, match=rf"Nobody knows what became of order .*{words}.* portfold reconcile"
    ):
        broker.enter("CL", "long", 1, PRICE)
    until(lambda: len(desk.server.signals) == 1, "the one request")
    (order,) = broker.unsettled()
    assert (order.state, order.symbol, order.contract) == ("unknown", "CL", "CLZ2025")
    assert broker.positions("ibs-CL") == [leg(1, "71.26")]


def test_while_an_order_is_unknown_entries_on_its_symbol_are_refused_and_others_are_not(desk: Desk) -> None:
    desk.server.behaves(desk.server.hangs)
    broker, other = desk.broker(timeout=1), desk.broker("ibs-CL-2")
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    for each in (broker, other):
        with pytest.raises(BrokerError, match=r"No entry on CL while nobody knows what became of order"):
            each.enter("CL", "long", 1, PRICE)
    until(lambda: len(desk.server.signals) == 1, "the one request")
    broker.enter("ES", "long", 1, Decimal(5000))


def test_an_exit_stays_possible_and_proves_nothing_of_an_unknown_entry(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    unknown_entry(broker, desk)
    for _ in range(2):
        with pytest.raises(
            OrderUnknown, match="which proves nothing: the entry that it is to close is unknown"
        ):
            broker.exit("CL", "long", 1, Decimal("70.00"))
        assert desk.server.signals[-1]["action"] == "exit"
        assert "quantity" not in desk.server.signals[-1]
    assert broker.positions() == [leg(1, "71.26")]
    assert broker.unreported_exits() == []
    assert [(order.does, order.state) for order in broker.unsettled()] == [("enter", "unknown")]
    with pytest.raises(BrokerError, match="No entry on CL while nobody knows"):
        broker.enter("CL", "long", 1, PRICE)  # it may still come, late


def test_an_exit_closes_what_is_surely_open_and_leaves_what_is_not(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 2, PRICE)
    unknown_entry(broker, desk)
    out = broker.exit("CL", "long", 3, Decimal("70.00")).fills[0]
    assert (out.size, out.entry_price, out.total_commission) == (2, Decimal("71.26"), Decimal("10.00"))
    assert broker.unreported_exits() == [out]
    assert broker.positions() == [leg(1, "71.26")]


def test_an_entry_that_was_taken_after_all_is_closed_by_the_next_exit(desk: Desk) -> None:
    broker = desk.broker(timeout=0.5)
    desk.server.behaves(late := Late(takes))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    late.go.set()
    until(lambda: not broker.unsettled(), "the late answer")
    assert broker.positions() == [leg(1, "71.26")]
    out = broker.exit("CL", "long", 1, Decimal("70.00")).fills[0]
    assert (out.entry_price, out.price) == (Decimal("71.26"), Decimal("69.99"))
    assert broker.positions() == []


def test_an_exit_that_was_taken_before_a_late_yes_may_have_closed_it_and_is_for_a_person_to_see(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the machine's clock was put back in between."""
    broker = desk.broker(timeout=0.5)
    desk.server.behaves(late := Late(takes))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker.now_ms", lambda: 1)
    with pytest.raises(OrderUnknown, match="which proves nothing"):
        broker.exit("CL", "long", 1, Decimal("70.00"))
    [entry] = broker.unsettled()
    assert entry.does == "enter"
    late.go.set()
    until(lambda: [one.does for one in broker.unsettled()] == ["exit"], "the late answer")
    [perhaps] = broker.unsettled()
    assert (perhaps.state, perhaps.said) == ("unknown", f"taken; it may have closed what {entry.id} opened")
    assert broker.positions() == [leg(1, "71.26")]


def test_an_exit_that_was_sent_before_a_late_answer_closes_nothing_for_sure(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    desk.server.behaves(late := Late(takes))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)

    def answer_the_entry_first(request: Any) -> None:
        late.go.set()
        until(lambda: not broker.unsettled() or broker.unsettled()[0].does == "exit", "the late answer")
        takes(request)

    desk.server.behaves(answer_the_entry_first)
    broker = desk.broker("flattener", timeout=30)
    with pytest.raises(OrderUnknown, match="which proves nothing"):
        broker.exit("CL", "long", 1, Decimal("70.00"), owner="ibs-CL")
    assert broker.positions() == [leg(1, "71.26")]


def test_a_late_no_is_told_to_whoever_looks(desk: Desk) -> None:
    broker = desk.broker(timeout=0.5)
    desk.server.behaves(late := Late(refuses()))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    late.go.set()
    until(lambda: "answered late, refused: HTTP 400" in broker.unsettled()[0].said, "the late answer")
    assert broker.positions() == [leg(1, "71.26")]  # and the log counts it, until somebody has settled it


def test_an_exit_nobody_knows_of_leaves_the_position_open_and_can_be_ordered_again(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(desk.server.hangs)
    with pytest.raises(OrderUnknown):
        broker.exit("CL", "long", 1, Decimal("70.00"))
    assert broker.positions() == [leg(1, "71.26")]
    assert broker.unreported_exits() == []
    broker.exit("CL", "long", 1, Decimal("70.00"))
    assert broker.positions() == []
    assert [order.state for order in broker.unsettled()] == ["flattened"]


def unknown_exit(broker: TradersPost, desk: Desk) -> None:
    desk.server.behaves(fails(502))
    with pytest.raises(OrderUnknown, match="Nobody knows what became of order"):
        broker.exit("CL", "long", 1, None)


def test_an_exit_with_a_quantity_is_not_sent_twice_while_another_owner_holds_the_contract(desk: Desk) -> None:
    mine, theirs = two_owners(desk)
    unknown_exit(mine, desk)
    (order,) = mine.unsettled()
    for broker in (mine, desk.broker("flattener")):
        with pytest.raises(OrderUnknown, match=f"No second exit of mine on CL, .* reconcile {order.id}"):
            broker.exit("CL", "long", 1, None, owner="mine")
    assert quantities(desk) == [1]
    theirs.exit("CL", "long", 1, None)
    mine.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, None, None]
    assert mine.positions() == []


def test_an_exit_with_a_quantity_goes_again_once_a_person_has_looked(desk: Desk) -> None:
    mine, _ = two_owners(desk)
    unknown_exit(mine, desk)
    reconciliation = Reconciliation(desk.book, CONTRACTS, lambda _: None)
    reconciliation.not_filled(mine.unsettled()[0].id)
    reconciliation.close()
    mine.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, 1]
    assert mine.positions() == [leg(1, "71.26", "theirs")]


def test_where_all_who_hold_the_contract_leave_their_exits_go_on(desk: Desk) -> None:
    mine, theirs = two_owners(desk)
    for broker in (mine, theirs):
        unknown_exit(broker, desk)
    for broker in (mine, theirs):
        broker.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, None, None, None]
    assert mine.positions() == []
    assert [order.state for order in mine.unsettled()] == ["flattened", "flattened"]


def test_a_slow_broker_is_waited_for(desk: Desk) -> None:
    desk.server.behaves(slowly(0.4))
    broker = desk.broker(timeout=10)
    broker.enter("CL", "long", 1, PRICE)
    assert broker.positions() == [leg(1, "71.26")]
    assert len(desk.server.signals) == 1


def test_flatten_closes_what_it_can_and_raises_for_the_rest(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 1, PRICE)
    broker.enter("ES", "short", 1, Decimal(5000))
    desk.server.behaves(desk.server.hangs)
    with pytest.raises(OrderUnknown):
        broker.flatten()
    assert [held.symbol for held in broker.positions()] == ["CL"]
    assert [fill.symbol for fill in broker.unreported_exits()] == ["ES"]
