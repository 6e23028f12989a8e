"""Two leaders of one portfolio, step by step: the one whose lease went to another commits nothing."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.operate.limits_order import change_limits
from portfold.config import load
from portfold.coordinator.process.process import CoordinatorProcess
from portfold.coordinator.process.renewal import planned, renew
from portfold.events.codec import Fields
from portfold.events.incoming import ClockTicked, EntryRequested, TradingResumed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, LeadersWord
from portfold.events.wire.connection import connect
from portfold.events.wire.importer_bus import RenewerBus
from portfold.log import open_log
from tests.coordinator.process.leaders import in_force
from tests.coordinator.story import kinds
from tests.live import Live
from tests.processes import READY, Logged, config_folder
from tests.server import EmbeddedServer
from tests.waiting import until


class Stepped(Logged):
    """A coordinator in this very thread, that takes its next step when told to, and leads after the first."""

    def __init__(self, bus: Bus, who: str, config: Path, *, finds: str = READY) -> None:
        self._said, self._stop = io.StringIO(), threading.Event()
        log, self._lines = open_log(who, target=self._said)
        process = CoordinatorProcess(
            load(str(config), {}, config), bus, clock="server", log=log, stop=self._stop, who=who
        )
        self._steps = process.steps()
        self.step()
        self.says(finds)

    @property
    def running(self) -> bool:
        return True

    def written(self) -> str:
        return self._said.getvalue()

    def step(self) -> None:
        """Reads, decides and commits once, or finds out that it must not."""
        next(self._steps)

    def steps_until(self, text: str, *, times: int = 1) -> None:
        """Takes steps until it has said the text so often."""

        def said() -> bool:
            self.step()
            return self.texts().count(text) >= times

        until(said, text)

    def close(self) -> None:
        self._stop.set()
        for _ in self._steps:
            pass
        self._lines.close()


@pytest.fixture
def stepped(live: Live, tmp_path: Path) -> Iterator[Callable[..., Stepped]]:
    """Makes coordinators whose lease would last a minute."""
    config = config_folder(tmp_path / "config", runtime={"lease_ms": 60_000})
    with ExitStack() as made:
        yield lambda who, **more: made.enter_context(closing(Stepped(live.bus, who, config, **more)))


def test_a_leader_whose_lease_went_to_another_cannot_commit_a_line(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    first = stepped("ann")
    client.delete(live.keys.leader)  # as if it lapsed while ann was paused between two steps
    second = stepped("bob")
    tick = live.publishes(ClockTicked())
    first.step()
    assert first.says("Stepped down")["why"] == "Epoch 2 leads now, ours was 1."
    assert not live.has_decided(tick)
    second.step()
    live.decided(tick)


class Meddled(Bus):
    """A bus whose leader is held up just before it says its limits: `meanwhile` is done first, once."""

    def __init__(self, url: str, portfolio: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(connect(url), portfolio)
        self._meanwhile = [meanwhile]

    def lead_append(
        self, fields: Fields, stamp: str, *, epoch: int, limits_known_to: StreamId | None = None
    ) -> LeadersWord:
        if fields[1] == "LimitsChanged" and self._meanwhile:
            self._meanwhile.pop()()
        return super().lead_append(fields, stamp, epoch=epoch, limits_known_to=limits_known_to)


def test_a_leader_that_was_paused_before_it_said_its_limits_does_not_say_them_after_another_leads(
    server: EmbeddedServer, portfolio: str, live: Live, client: Any, tmp_path: Path
) -> None:
    lease = {"lease_ms": 60_000}
    loose = config_folder(tmp_path / "loose", limits={"max_positions": 4}, runtime=lease)
    tight = config_folder(tmp_path / "tight", limits={"max_positions": 2}, runtime=lease)
    with ExitStack() as made:

        def another_leads() -> None:
            client.delete(live.keys.leader)
            made.enter_context(closing(Stepped(live.bus, "bob", tight)))

        bus = made.enter_context(closing(Meddled(server.url, portfolio, another_leads)))
        ann = made.enter_context(closing(Stepped(bus, "ann", loose, finds="Standing by")))
        assert ann.says("Stepped down")["why"] == "Another leads by now; ours was epoch 1."
        live.all_decided()
        assert in_force(live) == "2"
        assert len(live.said("LimitsChanged")) == 1


def test_a_tighter_order_of_a_person_that_comes_just_then_is_not_undone(
    server: EmbeddedServer, portfolio: str, live: Live, tmp_path: Path
) -> None:
    first = config_folder(tmp_path / "first", limits={"max_positions": 3, "daily_stop_loss": 2500})
    second = config_folder(tmp_path / "second", limits={"max_positions": 2, "daily_stop_loss": 2500})
    with closing(Stepped(live.bus, "ann", first)):
        live.all_decided()

    def jane_orders() -> None:
        change_limits(live.bus, {"daily_stop_loss": "500"}, by="jane", reason="news")

    with closing(Meddled(server.url, portfolio, jane_orders)) as bus, closing(Stepped(bus, "bob", second)):
        live.all_decided()
        status = live.status()
        assert (status["max_positions"], status["daily_stop_loss"]) == ("2", "500")


def test_a_leader_that_finds_the_event_decided_already_cannot_decide_it_again(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    first = stepped("ann")
    client.delete(live.keys.leader)
    second = stepped("bob")
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    request = live.publishes(ask)
    second.step()
    first.step()
    first.says("Stepped down")
    assert kinds(live.decided(request)) == ["EntryAllowed"]


def test_a_head_that_somebody_moved_is_not_written_over(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    leader = stepped("ann")
    client.hset(live.keys.head, "cursor", "5-5")
    live.publishes(ClockTicked())
    leader.step()
    assert leader.says("Stepped down")["why"].startswith("The head is at 5-5, and not where we left it")
    assert client.hget(live.keys.head, "cursor") == "5-5"


def test_a_standby_takes_nothing_for_lost_that_a_renewal_took_off(
    stepped: Callable[..., Stepped], live: Live, server: EmbeddedServer, client: Any
) -> None:
    first = stepped("ann")
    second = stepped("bob", finds="Standing by")
    live.by_hand("type", "ClockTicked", at="9999999999999-0")
    first.step()
    second.step()
    with closing(RenewerBus(connect(server.url), live.keys.name)) as bus:
        renew(bus, planned(bus, by="jane", since=None), reason="x", keep=len)
    client.delete(live.keys.leader)
    first.steps_until(READY, times=3)
    live.publishes(TradingResumed(by="jane", reason="looked"))
    first.step()
    first.close()
    second.steps_until(READY)
    second.step()
    again = Live(live.bus, live.client)
    again.all_decided()
    assert again.state.halt is None
