"""One worker's name, one process: taken in one step before it trades, renewed while it lives, given back.

Two processes of one name would each believe that it is the worker: the log follows one, the broker both.
Guarantees: of two that start at once one has the name; who finds it held by a process that renews it is
refused, with the way out; a holder that was killed, and renews nothing, is succeeded after some two of
its signs of life, or, by one that is `patient`, once its claim has lapsed, so that a living one that gets no
processor for a moment keeps its name; one whose name was taken over learns it at its next sign of life, logs
it and stops.
With the bus away nothing is known of the others: then it goes on, and looks again at each sign of life.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType

from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.client.settings import GateSettings

BEATS_TO_SEE = 2.2
_LOOK_SECONDS = 0.05


class NameTaken(PortfoldError):
    """Another process has the name; a sentence that says which, and the way out."""

    exit_code = UNUSABLE


class Claim:
    """The claim of this process on the name `worker`; `stop` is set when it is lost. Used with `with`."""

    def __init__(
        self, bus: Bus, worker: str, settings: GateSettings, *, stop: threading.Event, log: Log
    ) -> None:
        self._bus = bus
        self._worker = worker
        self._beat = settings.heartbeat_seconds
        self._lasts_ms = int(settings.worker_lost_seconds * 1000)
        self._stop = stop
        self._log = log
        self._me = f"{socket.gethostname()[:64]} {os.getpid()} {secrets.token_hex(8)}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="claim", daemon=True)
        self.lost_to = ""

    def take(self, *, take_over: bool = False, patient: bool = False) -> None:
        """Takes the name. Raises NameTaken where another process lives by it, unless it is taken over.

        Where this process is to stop before that is known, the name stays with who has it.

        With `patient` a name is taken only once it is free, which it is at the latest when the claim of one
        that was killed has lapsed.
        """
        try:
            holder = self._bus.claim(self._worker, self._me, self._lasts_ms, "*" if take_over else "")
            while holder:
                if self._lives(holder, patient=patient):
                    raise NameTaken(
                        f"Another process trades as {self._worker}: {shown_holder(holder)}. Stop that one; "
                        "or take its place with --take-over, and it stops."
                    )
                if self._stop.is_set():  # so nobody has seen whether it lives
                    return
                holder = self._bus.claim(self._worker, self._me, self._lasts_ms, "" if patient else holder)
        except BusError as error:
            self._log.error("Whether another process has this name is not known", why=str(error))
        self._thread.start()

    def close(self) -> None:
        """Gives the name back, if this process has it."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._beat)
        try:
            if not self.lost_to:
                self._bus.unclaim(self._worker, self._me)
        except BusError as away:
            self._log.warning("The name is not given back, and lapses by itself", why=str(away))
        self._bus.close()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lives(self, holder: str, *, patient: bool) -> bool:
        """Returns whether the holder renews its claim; to who is patient, has it after a whole one too."""
        held = {self._worker: holder}
        if not patient:
            return bool(renewed(self._bus, held, BEATS_TO_SEE * self._beat, self._stop))
        if renewed(self._bus, held, self._lasts_ms / 1000, self._stop):
            return True
        return self._bus.claim_lasts_ms(self._worker, holder) > 0

    def _renew(self) -> None:
        while not self._over.wait(self._beat):
            try:
                holder = self._bus.claim(self._worker, self._me, self._lasts_ms, "")
            except BusError:
                continue  # the gate says that the bus is away
            if holder:
                self.lost_to = shown_holder(holder)
                self._log.critical(
                    f"SUPERSEDED: another process trades as {self._worker} now; this one stops",
                    other=self.lost_to,
                )
                self._stop.set()
                return


def renewed(bus: Bus, held: Mapping[str, str], seconds: float, stop: threading.Event) -> list[str]:
    """Returns those of the names `held` whose holder lives, and makes their claims last longer again.

    Waits `seconds` where it has to. Raises BusError.
    """
    lasts = {name: bus.claim_lasts_ms(name, holder) for name, holder in held.items()}
    lives: set[str] = set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        open_still = [name for name, left in lasts.items() if left > 0 and name not in lives]
        if not open_still or stop.wait(_LOOK_SECONDS):
            break
        for name in open_still:
            left = bus.claim_lasts_ms(name, held[name])
            if left > lasts[name]:
                lives.add(name)
            lasts[name] = left
    return [name for name in held if name in lives]


def shown_holder(holder: str) -> str:
    """Returns a holder as people read it: `process 4711 on host`."""
    host, _, rest = holder.partition(" ")
    return f"process {rest.partition(' ')[0]} on {host}"
