"""Presence: who is alive, who trades under which name, and what the flattener has found.

All of it lapses unless it is renewed, so nothing here outlives by long the process that wrote it.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from portfold.events.fields import readable
from portfold.events.wire.answers import readable_or_none
from portfold.events.wire.connection import Connected

if TYPE_CHECKING:
    from redis import Redis


class WantedReplicas(NamedTuple):
    """How many replicas must have something within `within_ms`: in memory, or with `on_disk` synced to it."""

    replicas: int
    within_ms: int
    on_disk: bool = False


class Switch(NamedTuple):
    """A dead man's switch: when it was last pressed, 0 for never, how often it is, and what is wrong now."""

    pressed_ms: int
    every_ms: int
    wrong: str


class PresenceKeys(Connected):
    """The part of a bus by which processes show that they are alive, and are found."""

    def __init__(self, client: "Redis", name: str, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(client, name, environ)
        self._claim = self._script("claim.lua")

    # --- heartbeats --------------------------------------------------------------------------------------

    def beat(self, worker: str, session: str, lasts_ms: int) -> None:
        """Announces that a worker is alive, for the next `lasts_ms`."""
        with self._errors_while("sending a heartbeat"):
            self._client.set(self.keys.worker(worker), session, px=lasts_ms)

    def beat_on(self, worker: str, session: str, lasts_ms: int) -> bool:
        """Renews that session's heartbeat; returns false, and changes nothing, where it has none any more."""
        with self._errors_while("sending a heartbeat"):
            return bool(self._renew(keys=[self.keys.worker(worker)], args=[session, lasts_ms]))

    def beat_reaches(self, worker: str, session: str, lasts_ms: int, wanted: WantedReplicas) -> bool | None:
        """Renews that session's heartbeat, and returns whether so many replicas have it in time.

        None where that session has none any more: then nothing was asked.

        They have all that was written before it too: what came of a request was decided before it was read.
        """
        with self._errors_while("waiting for a replica"), self._client.client() as connection:
            keys, args = [self.keys.worker(worker)], [session, lasts_ms]
            if not self._renew(keys=keys, args=args, client=connection):
                return None
            if wanted.on_disk:
                _, have = connection.waitaof(0, wanted.replicas, wanted.within_ms)
            else:
                have = connection.wait(wanted.replicas, wanted.within_ms)
        return int(have) >= wanted.replicas

    def beats(self, workers: Sequence[str]) -> list[str | None]:
        """Returns for each worker the session whose heartbeat has not lapsed, or None."""
        if not workers:
            return []
        with self._errors_while("reading heartbeats"):
            return list(self._client.mget([self.keys.worker(worker) for worker in workers]))

    def beats_lapse_at(self, workers: Sequence[str]) -> list[int | None]:
        """Returns for each worker when its heartbeat lapses, by the server's clock; None where there is none.

        Only a renewal changes that moment; setting the server's clock does not.
        """
        if not workers:
            return []
        with self._errors_while("reading heartbeats"):
            commands = self._client.pipeline(transaction=False)
            for worker in workers:
                commands.pexpiretime(self.keys.worker(worker))
            found = commands.execute()
        return [None if lapses_ms < -1 else lapses_ms for lapses_ms in found]  # -1: it never does

    # --- claims on a name --------------------------------------------------------------------------------

    def claim(self, worker: str, who: str, lasts_ms: int, instead_of: str) -> str:
        """Takes the worker's name for the process `who`, or returns who has it. See claim.lua."""
        with self._errors_while("claiming a worker's name"):
            return str(self._claim([self.keys.claim(worker)], [who, lasts_ms, instead_of]))

    def claimed(self, workers: Sequence[str]) -> dict[str, str]:
        """Returns those of these workers' names that are claimed, each with its process."""
        if not workers:
            return {}
        with self._errors_while("looking at the workers' names"):
            found = self._client.mget([self.keys.claim(each) for each in workers])
        holders = zip(workers, map(readable_or_none, found), strict=True)
        return {worker: holder for worker, holder in holders if holder}

    def claim_lasts_ms(self, worker: str, who: str) -> int:
        """Returns how long that claim still lasts without being renewed; 0 when it is over."""
        with self._errors_while("looking at a claim"):
            holder = self._client.get(self.keys.claim(worker))
            return max(0, int(self._client.pttl(self.keys.claim(worker)))) if holder == who else 0

    def unclaim(self, worker: str, who: str) -> None:
        """Gives the name back, if `who` still has it."""
        with self._errors_while("giving back a worker's name"):
            self._claim([self.keys.claim(worker)], [who, 1, ""])

    def notifiers(self, destinations: Sequence[str]) -> list[str | None]:
        """Returns for each destination of alerts the notifier that delivers to it, or None."""
        if not destinations:
            return []
        with self._errors_while("looking for notifiers"):
            found = self._client.mget([self.keys.notifier_lease(each) for each in destinations])
        return [readable_or_none(who) for who in found]

    # --- the flattener's book ----------------------------------------------------------------------------

    def say_book_lacks(self, what: str, lasts_ms: int) -> None:
        """Publishes, for `lasts_ms`, what is open and not in the flattener's book; empty if all is."""
        with self._errors_while("saying what the book lacks"):
            self._client.set(self.keys.book_lacks, what, px=lasts_ms)

    def book_lacks(self) -> str:
        """Returns what the flattener published last; empty too where none did."""
        with self._errors_while("asking what the book lacks"):
            return readable(self._client.get(self.keys.book_lacks) or "")

    def say_book_exceeds(self, what: str, lasts_ms: int) -> None:
        """Publishes, for `lasts_ms`, what the flattener's book holds and the log does not; empty if none."""
        with self._errors_while("saying what the log lacks"):
            self._client.set(self.keys.book_exceeds, what, px=lasts_ms)

    def book_exceeds(self) -> str:
        """Returns what the flattener published last; empty too where none did."""
        with self._errors_while("asking what the log lacks"):
            return readable(self._client.get(self.keys.book_exceeds) or "")

    def say_without_stop(self, what: str, lasts_ms: int) -> None:
        """Publishes, for `lasts_ms`, what is open and lacks its protective stop; empty if none."""
        with self._errors_while("saying what is without its stop"):
            self._client.set(self.keys.without_stop, what, px=lasts_ms)

    def without_stop(self) -> str:
        """Returns what the flattener published last; empty too where none did."""
        with self._errors_while("asking what is without its stop"):
            return readable(self._client.get(self.keys.without_stop) or "")

    # --- the days beside those expected --------------------------------------------------------------------

    def say_less_than_expected(self, what: str, lasts_ms: int) -> None:
        """Publishes, for `lasts_ms`, that less is made than was expected; empty if it is not."""
        with self._errors_while("saying what is less than expected"):
            self._client.set(self.keys.less_than_expected, what, px=lasts_ms)

    def less_than_expected(self) -> str:
        """Returns what a notifier published last; empty too where none did."""
        with self._errors_while("asking what is less than expected"):
            return readable(self._client.get(self.keys.less_than_expected) or "")

    # --- the dead man's switch -----------------------------------------------------------------------------

    def say_switch(self, switch: Switch, lasts_ms: int) -> None:
        """Publishes, for `lasts_ms`, what has become of the dead man's switch."""
        text = f"{switch.pressed_ms} {switch.every_ms} {switch.wrong}"
        with self._errors_while("saying what the dead man's switch does"):
            self._client.set(self.keys.dead_mans_switch, text, px=lasts_ms)

    def switch(self) -> Switch | None:
        """Returns what was published last; None where there was nothing, or something else."""
        with self._errors_while("asking for the dead man's switch"):
            text = readable(self._client.get(self.keys.dead_mans_switch) or "")
        pressed_ms, _, rest = text.partition(" ")
        every_ms, _, wrong = rest.partition(" ")
        if not (pressed_ms.isdecimal() and every_ms.isdecimal()):
            return None
        return Switch(int(pressed_ms), int(every_ms), wrong)
