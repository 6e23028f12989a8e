"""A dead man's switch: asks an outside address every so often, while all is well, and only then.

Whoever watches that address, such as healthchecks.io, alerts people when no request comes. So it tells what
no alert of ours can: that this machine, its network, or the notifier itself is gone. Guarantees: it is
pressed only where the server answers, its clock goes on, somebody leads, no event waits long for its
decision, and every destination takes what is sent there; each press ends within bounded time and holds up
nothing else.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import requests

from portfold.config import DeadMansSwitch
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusError
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.events.wire.presence import Switch
from portfold.log import Log
from portfold.workers.notify.sinks.http import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Address,
    replied,
    shut_libraries,
)
from portfold.workers.notify.sinks.protocol import NotSent

SAID_FOR_MS = 7 * 86_400_000
"""How long the status shows what became of a switch that is pressed no more."""
WAITS_MS = 10_000
"""How long an event may wait for its decision before all is not well: as long as until that is alerted."""


class Seen(NamedTuple):
    """What one look found: the server's clock, who leads, and since when the first undecided event waits."""

    now_ms: int
    leader: str | None
    waiting_since_ms: int | None


def what_is_wrong(seen: Seen, before: Seen | None, failing: tuple[str, ...]) -> str:
    """Returns why the switch is not pressed now; empty where all is well. `failing`: what takes no alert."""
    if before is not None and seen.now_ms <= before.now_ms:
        return "the server's clock stands still"
    if not seen.leader:
        return "no coordinator leads"
    waits_ms = 0 if seen.waiting_since_ms is None else seen.now_ms - seen.waiting_since_ms
    if waits_ms > WAITS_MS:
        return f"an event waits for its decision for more than {WAITS_MS / 1000:g} s"
    if failing:
        return f"alerts do not get through to {', '.join(failing)}"
    return ""


class DeadMan:
    """Presses the switch at `address` until `stop` is set; `failing` names the destinations that fail now."""

    def __init__(
        self,
        bus: NotifierBus,
        switch: DeadMansSwitch,
        address: Address,
        *,
        failing: Callable[[], tuple[str, ...]],
        log: Log,
        stop: threading.Event,
    ) -> None:
        self._bus = bus
        self._switch = switch
        self._address = address
        self._failing = failing
        self._log = log
        self._stop = stop
        self._before: Seen | None = None
        self._trouble = ""
        self._pressed_ms = 0

    def run(self) -> None:
        """Looks and presses, again and again; what keeps it from that is logged once each, and published."""
        every = self._switch.every_seconds
        self._log.info("A dead man's switch is pressed while all is well", every_seconds=every)
        while not self._stop.is_set():
            wrong = self._pressed()
            self._note(wrong)
            with suppress(BusError):  # whoever looks at the status sees that the server is away
                switch = Switch(self._pressed_ms, int(1000 * every), wrong)
                self._bus.say_switch(switch, SAID_FOR_MS)
            self._stop.wait(every)

    def _pressed(self) -> str:
        """Presses it where all is well; returns what is wrong."""
        try:
            seen = look(self._bus)
        except BusError as error:
            return str(error)
        wrong = what_is_wrong(seen, self._before, self._failing())
        self._before = seen
        if wrong:
            return wrong
        try:
            press(self._switch, self._address)
        except NotSent as failed:
            return f"it could not be pressed: {failed}"
        self._pressed_ms = seen.now_ms
        return ""

    def _note(self, wrong: str) -> None:
        if wrong and wrong != self._trouble:
            self._log.error("The dead man's switch is not pressed", why=wrong)
        elif self._trouble and not wrong:
            self._log.info("The dead man's switch is pressed again")
        self._trouble = wrong


def look(bus: NotifierBus) -> Seen:
    """Looks how things stand. Raises BusError."""
    head = bus.head()
    decided = head.cursor if head is not None else StreamId(0, 0)
    waiting = bus.events_after(decided, count=1)
    return Seen(bus.now_ms(), bus.leader(), waiting[0].id.ms if waiting else None)


def press(switch: DeadMansSwitch, address: Address) -> None:
    """Presses it once. Raises NotSent."""
    shut_libraries()
    reply = replied(
        lambda: requests.request(
            switch.method,
            address.reveal(),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            stream=True,
            allow_redirects=False,
        )
    )
    if not reply.is_done:
        raise NotSent(f"the address answered {reply.status}")
