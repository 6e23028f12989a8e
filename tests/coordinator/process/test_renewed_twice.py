"""A log that is renewed again before anybody has decided the first renewal: nothing is decided as if new."""

from pathlib import Path

from portfold.events.incoming import TradingResumed
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
