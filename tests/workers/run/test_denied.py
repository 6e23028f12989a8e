"""A run waits for what was ordered before it started, and for nobody who is not there."""

import threading

from portfold.events.codec import encode_checked
from portfold.events.incoming import TradingResumed
from portfold.events.wire.bus import Bus
from portfold.workers.run.denied import wait_for_decisions


class Stop(threading.Event):
    """Stops whoever waits at his first wait, and counts it."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        self.set()
        return super().wait(timeout)


def waits_in(bus: Bus) -> int:
    stop = Stop()
    wait_for_decisions(bus, stop)
    return stop.waits


def test_what_the_leader_has_not_decided_yet_is_waited_for(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    assert waits_in(bus) == 0
    bus.append(encode_checked(TradingResumed(by="ann", reason="calm again")))
    assert waits_in(bus) == 1


def test_where_nobody_leads_nothing_is_waited_for(bus: Bus) -> None:
    bus.append(encode_checked(TradingResumed(by="ann", reason="calm again")))
    assert waits_in(bus) == 0
