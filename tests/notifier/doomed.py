"""A notifier as a process of its own: the production one, that dies as by kill -9 at a place it is told."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from unittest import mock

from portfold.cli.stopping import stopped_by_signals
from portfold.config import load
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.events.wire.connection import Place
from portfold.events.wire.notifier_bus import DeliveryCursor, NotifierBus, Term
from portfold.log import open_log
from portfold.workers.notify import process, reading, service
from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks.discord import DiscordSink

PLACES = (
    "taken over",
    "read",
    "decisions read",
    "before sending",
    "sent",
    "before noting",
    "noted",
)
"""Where it can die, in the order in which it comes there."""

_READ_AT_ONCE = 2  # so that a short story is read in several batches
_FINISH_SECONDS = 2.0


class Doom:
    """Kills this process when it comes to `place` for the `nth` time with something to tell."""

    def __init__(self, place: str, nth: int) -> None:
        self._place = place
        self._left = nth

    def here(self, place: str) -> None:
        if place != self._place:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()


def doomed_bus(doom: Doom) -> type[NotifierBus]:
    class DoomedBus(NotifierBus):
        """Comes by the places that have to do with the log."""

        def take_over(self, destination: str, who: str, lease_ms: int) -> Term:
            term = super().take_over(destination, who, lease_ms)
            if term.number:
                doom.here("taken over")
            return term

        def events_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
            found = super().events_after(after, count=count, block_ms=block_ms)
            if found and block_ms is None:
                doom.here("read")
            return found

        def decisions_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
            found = super().decisions_after(after, count=count, block_ms=block_ms)
            doom.here("decisions read")
            return found

        def note_delivered(self, destination: str, term: int, told: DeliveryCursor) -> None:
            doom.here("before noting")
            super().note_delivered(destination, term, told)
            doom.here("noted")

    return DoomedBus


def doomed_sink(doom: Doom) -> type[DiscordSink]:
    class DoomedSink(DiscordSink):
        """Comes by the places that have to do with Discord."""

        def send(self, message: Message) -> float:
            doom.here("before sending")
            rest_seconds = super().send(message)
            doom.here("sent")
            return rest_seconds

    return DoomedSink


def main(told: str) -> None:
    """Notifies until SIGTERM, or until its doom."""
    options = json.loads(told)
    log, lines = open_log("notifier")
    doom = Doom(options["doom"], options["nth"])
    try:
        with (
            stopped_by_signals() as stop,
            mock.patch.object(process, "NotifierBus", doomed_bus(doom)),
            mock.patch.object(process, "DiscordSink", doomed_sink(doom)),
            mock.patch.object(reading, "READ_AT_ONCE", _READ_AT_ONCE),
            mock.patch.object(service, "_FINISH_SECONDS", _FINISH_SECONDS),
        ):
            process.run(
                load(options["config"], {}, Path.cwd()),
                Place(options["url"], None, options["portfolio"]),
                driven=options["driven"],
                environ=os.environ,
                log=log,
                stop=stop.event,
                lease_ms=options["lease_ms"],
            )
    finally:
        lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
