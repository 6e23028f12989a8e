"""A log that is not the one that was decided is not led, and one that was restored is led again."""

from typing import Any

import pytest

from portfold.events.incoming import EntryRequested
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import NOT_COORDINATING, READY, Coordinators, more_tries


@pytest.mark.parametrize("which", ["first", "last", "all"])
def test_a_log_with_an_event_taken_out_is_not_led_and_no_entry_is_answered(
    coordinators: Coordinators, live: Live, client: Any, which: str
) -> None:
    coordinators.start().kill()
    ids = [str(entry.id) for entry in live.events()]
    gone = {"first": ids[:1], "last": ids[-1:], "all": ids}[which]
    head = client.hgetall(live.keys.head)
    client.xdel(live.keys.events, *gone)
    refusing = coordinators.start(ready=False)
    why = refusing.says(NOT_COORDINATING)["why"]
    assert "does not lead to the head" in why
    assert "Restore the log, or start another portfolio." in why
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    request = live.publishes(ask)
    epoch = int(client.hget(live.keys.head, "epoch"))
    more_tries(client)
    assert int(client.hget(live.keys.head, "epoch")) == epoch  # it never had the lease
    assert live.bus.leader() is None
    assert live.bus.decisions_of(request) == []
    assert client.hmget(live.keys.head, "cursor", "chain") == [head["cursor"], head["chain"]]
    assert refusing.stop() == 0


def test_a_log_restored_from_a_copy_is_led_again(coordinators: Coordinators, live: Live, client: Any) -> None:
    first = coordinators.start()
    live.enters("ES")
    first.kill()
    copy = f"{live.keys.prefix}:copy"
    client.copy(live.keys.events, copy)
    client.xtrim(live.keys.events, maxlen=2, approximate=False)
    refusing = coordinators.start(ready=False)
    refusing.says(NOT_COORDINATING)
    client.rename(copy, live.keys.events)
    refusing.says(READY)
    assert code(live.asks("ES")) == "symbol_in_position"


def test_a_head_that_is_gone_while_its_decisions_are_there_is_not_made_up(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    coordinators.start().kill()
    client.delete(live.keys.head)
    refusing = coordinators.start(ready=False)
    why = refusing.says(NOT_COORDINATING)["why"]
    assert f"{live.keys.head} is gone" in why
    assert refusing.stop() == 0
