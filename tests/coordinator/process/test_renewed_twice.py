"""A renewal among others: behind one that nobody decided, amid a flatten, after an attempt that failed."""

import json
from decimal import Decimal
from pathlib import Path

from portfold.events.incoming import FlattenRequested, PositionOpened, TradingHalted, TradingResumed
from tests.coordinator.process.leaders import Starter
from tests.coordinator.process.test_renewal import begun_anew, renewed
from tests.live import Live, flat
from tests.server import EmbeddedServer


def test_a_renewal_waits_until_an_earlier_one_is_decided_and_closes_nothing_then(
    start: Starter, live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    leader = start()
    live.enters("ES")
    first = live.by_hand("type", "Garbage")
    live.fills("CL")  # made up, as one sees afterwards
    live.closes("ES", "-2600")
    live.closes("CL", "0")
    live.hears(TradingResumed(by="jane", reason="over", force=True))
    live.enters("SI")
    live.all_decided()
    leader.stop()
    assert renewed(live, server, tmp_path, "--since", str(first)).code == 0
    block = live.events()
    made_up = next(str(one.id) for one in block if flat(one).get("symbol") == "CL")
    for within in (made_up, str(block[-1].id)):
        refused = renewed(live, server, tmp_path, "--since", within)
        assert refused.code == 1
        assert f"Event {within} is part of a renewal that no coordinator has decided yet" in refused.err
    assert live.events() == block
    behind = live.by_hand("type", "Garbage")
    assert renewed(live, server, tmp_path, "--since", str(behind)).code == 0, "what follows it is undecided"
    start()
    begun_anew(live).all_decided()
    assert renewed(live, server, tmp_path, "--since", made_up).code == 0
    again = begun_anew(live)
    again.all_decided()
    kinds = [flat(one)["type"] for one in again.decisions()]
    assert [kind for kind in kinds if kind in ("StopLossTriggered", "FlattenOrdered")] == []
    assert again.status()["open_positions"] == "SI"


def test_what_was_being_closed_and_is_ordered_no_more_is_named(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    led.enters("ES")
    led.hears(FlattenRequested(by="jane", reason="its feed is bad", symbol="ES"))
    first = led.by_hand("type", "Garbage")
    led.enters("CL", "SI")
    led.hears(FlattenRequested(by="jane", reason="exchange outage"))
    led.closes("SI", "0")
    done = renewed(led, server, tmp_path, "--since", str(first))
    assert done.code == 0
    told = [line for line in done.out.splitlines() if "ordered no more" in line]
    assert told == [
        "CL:long:1:ibs-CL was ordered closed, is not closed, and is ordered no more: portfold flatten."
    ], "the order about ES is from before the cut, and SI is closed"


def test_an_order_to_flatten_that_nobody_decided_goes_on_behind_the_fills_and_closes_them_once(
    start: Starter, live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    leader = start()
    live.enters("ES")
    first = live.by_hand("type", "Garbage")
    live.all_decided()
    leader.stop()
    live.publishes(FlattenRequested(by="jane", reason="killed"))
    live.publishes(
        live.next_of(PositionOpened, "ibs-CL", symbol="CL", side="long", size=1, price=Decimal(70))
    )
    assert renewed(live, server, tmp_path, "--since", str(first)).code == 0
    assert [flat(one)["type"] for one in live.events()][-3:] == [
        *("TradingHalted", "PositionOpened", "FlattenRequested")
    ]
    start()
    again = begun_anew(live)
    again.all_decided()
    ordered = [flat(one)["positions"] for one in again.decisions() if flat(one)["type"] == "FlattenOrdered"]
    assert ordered == ["CL:long:1:ibs-CL ES:long:1:ibs-ES"]


def test_the_same_command_goes_on_with_the_file_of_an_attempt_that_failed_and_with_no_other(
    led: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    led.enters("ES")
    first = led.by_hand("type", "Garbage")
    led.hears(TradingHalted(by="jane", reason="news"))
    led.all_decided()
    file = tmp_path / f"portfold-taken-off-{first}.jsonl"
    file.write_text("another's\n")
    refused = renewed(led, server, tmp_path, "--since", str(first))
    assert (refused.code, file.read_text()) == (2, "another's\n")
    assert "is there already; name another file" in refused.err
    file.write_text(f'["{first}","type","Garbage"]\n')
    assert renewed(led, server, tmp_path, "--since", str(first)).code == 0
    kept = [json.loads(line)[:3] for line in file.read_text().splitlines()]
    assert [words[1:] for words in kept] == [["type", "Garbage"], ["type", "TradingHalted"]]
