"""A snapshot is believed only where the log leads to it: a real server, real coordinators, forged states."""

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.store.snapshot import Checkpoint, read_snapshot, snapshot_text
from portfold.coordinator.store.snapshot_proof import ProvedSnapshots, SnapshotDiffers
from portfold.events.incoming import ClockTicked
from portfold.events.stream_id import ORIGIN
from portfold.log import open_log
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

SAID = "is not what the log leads to"
BELIEVED = "The snapshot is believed"


@pytest.fixture
def stopped_out(live: Live, server: EmbeddedServer, portfolio: str) -> Checkpoint:
    """A portfolio that was stopped out and that nobody leads; its snapshot."""
    with coordinating(server.url, portfolio):
        live.enters("CL")
        live.closes("CL", "-3000")
        live.publishes_all([ClockTicked()] * 3_000)  # four pages
        live.all_decided()
        assert live.status()["stopped_out"] == "true"
    checkpoint = read_snapshot(live.bus.snapshot())
    assert checkpoint is not None
    return checkpoint


@pytest.fixture
def forged(live: Live, stopped_out: Checkpoint) -> None:
    """With another state under the same chain, and a checksum that is right."""
    stopped_out.state.stop = None
    stopped_out.state.day.realized = Decimal(0)
    live.bus.save_snapshot(snapshot_text(stopped_out))


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def snapshots(live: Live, said: io.StringIO) -> Iterator[Callable[[], ProvedSnapshots]]:
    """Those of a process of its own."""
    log, lines = open_log("coordinator", target=said)
    yield lambda: ProvedSnapshots(live.bus, None, log=log)
    lines.close()


@pytest.mark.usefixtures("forged")
def test_a_forged_snapshot_is_passed_over(live: Live, server: EmbeddedServer, portfolio: str) -> None:
    with coordinating(server.url, portfolio) as coordinator:
        coordinator.says(SAID)
        live.all_decided()
        assert live.status()["stopped_out"] == "true"
        assert code(live.asks("ES")) == "stopped_out"
    with coordinating(server.url, portfolio) as coordinator:
        live.all_decided()
        assert SAID not in str(coordinator.lines()), "the one that was written since is sound"


@pytest.mark.usefixtures("forged")
def test_where_the_log_is_long_it_is_found_out_while_somebody_leads_by_it(
    live: Live, server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.coordinator.store.snapshot_proof._SHORT", 0)
    with coordinating(server.url, portfolio) as coordinator:
        coordinator.says(SAID)
        until(lambda: live.status()["stopped_out"] == "true", "what the log leads to")
        live.all_decided()
        assert code(live.asks("ES")) == "stopped_out"


def test_a_sound_one_is_begun_at_and_not_proved_again(
    live: Live,
    stopped_out: Checkpoint,
    snapshots: Callable[[], ProvedSnapshots],
    said: io.StringIO,
    client: Any,
) -> None:
    process = snapshots()
    assert process.begin().checkpoint == stopped_out
    client.xtrim(live.keys.events, maxlen=1, approximate=False)  # whoever proves it now cannot
    assert process.begin().checkpoint == stopped_out
    assert BELIEVED not in said.getvalue()
    assert snapshots().begin().checkpoint == stopped_out
    until(lambda: BELIEVED in said.getvalue(), "that there is nothing to prove it by")


def test_what_a_leader_wrote_that_began_at_a_forged_one_is_not_trusted(
    live: Live,
    stopped_out: Checkpoint,
    snapshots: Callable[[], ProvedSnapshots],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portfold.coordinator.store.snapshot_proof._SHORT", 0)
    real = snapshot_text(stopped_out)
    stopped_out.state.stop = None
    forged = snapshot_text(stopped_out)
    live.bus.save_snapshot(forged)
    process = snapshots()
    assert process.begin().state.stop is None
    process.wrote(forged)
    for _ in range(3):
        process.go_on()
    with pytest.raises(SnapshotDiffers, match=SAID):
        process.go_on()
    process.wrote(forged)
    assert process.begin().cursor == ORIGIN, "by the log alone"
    process.wrote(real)
    live.bus.save_snapshot(real)
    assert snapshot_text(process.begin().checkpoint) == real
