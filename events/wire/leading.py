"""Leading: the lease, what only its holder writes, and the head that says how far the log is decided.

Whatever must not happen twice, or not after somebody else leads, is one script that looks first: a leader
that was replaced can write nothing.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from portfold.events.codec import Fields
from portfold.events.fields import readable
from portfold.events.proof import COORDINATOR
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.answers import (
    AcknowledgeReply,
    Committed,
    Head,
    LeadersWord,
    Lease,
    MovedHistory,
    cursor_in,
    epoch_in,
    folded_in,
    readable_or_none,
)
from portfold.events.wire.connection import Connected

if TYPE_CHECKING:
    from redis import Redis

_packed = msgspec.msgpack.Encoder().encode  # one argument costs less than a hundred, and needs no counts


def longest_wait_ms(lease_ms: int) -> int:
    """Returns how long another's lease may last at most, for a process whose own leases last `lease_ms`."""
    return 10 * lease_ms


class Leading(Connected):
    """The part of a bus that leads, and commits what was decided."""

    def __init__(self, client: "Redis", name: str, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(client, name, environ)
        self._commit = self._script("commit.lua")
        self._name_log = self._script("name_log.lua")
        self._lead = self._script("lead.lua")
        self._lead_append = self._script("lead_append.lua")
        self._acknowledge = self._script("acknowledge.lua")
        self._who = ""  # as whom this bus leads: a number alone may be another's on a server that failed over

    # --- the lease ---------------------------------------------------------------------------------------

    def take_lead(self, who: str, lease_ms: int) -> Lease:
        """Takes the lease if it is free: the answer has a new epoch, and how far the log is decided.

        If it is not free, it lasts at most ten times `lease_ms` from now on, unless its holder renews it.
        """
        self.log_name()  # a log gets its name before anybody has led
        self._who = who
        with self._errors_while("taking the lead"):
            epoch, holder, cursor, chain, folded, server = self._lead(
                keys=[self.keys.leader, self.keys.head], args=[who, lease_ms, longest_wait_ms(lease_ms)]
            )
        return Lease(
            epoch_in(epoch or "0"),
            readable(holder),
            cursor_in(cursor),
            readable(chain),
            folded_in(folded),
            server,
        )

    def keep_lead(self, who: str, lease_ms: int, epoch: int = 0) -> bool:
        """Renews the lease; returns false when another holds it by now. 0 ms gives it up.

        A lapsed lease is renewed too while `epoch` is still the latest: nobody else has led since.
        """
        with self._errors_while("renewing the lease"):
            return bool(self._renew(keys=[self.keys.leader, self.keys.head], args=[who, lease_ms, epoch]))

    def leader(self) -> str | None:
        """Returns who holds the lease."""
        with self._errors_while("reading the lease"):
            holder: str | None = self._client.get(self.keys.leader)
        return readable_or_none(holder)

    def stand_by(self, who: str, lasts_ms: int) -> None:
        """Announces that `who` is ready to lead next, for the next `lasts_ms`."""
        with self._errors_while("standing by"):
            self._client.set(self.keys.standby, who, px=lasts_ms)

    def standby(self) -> str | None:
        """Returns who is ready to lead next: of several, the latest to stand by."""
        with self._errors_while("reading the standby"):
            who: str | None = self._client.get(self.keys.standby)
        return readable_or_none(who)

    # --- what was decided --------------------------------------------------------------------------------

    def lead_append(
        self, fields: Fields, stamp: str, *, epoch: int, limits_known_to: StreamId | None = None
    ) -> LeadersWord:
        """Adds an event of the leader's own, unless another epoch leads by now.

        With `limits_known_to`, adds none either where a LimitsChanged has come after that event.
        """
        known = "" if limits_known_to is None else str(limits_known_to)
        words = [epoch, self._who, known, stamp, *self._signed(fields, otherwise=COORDINATOR)]
        with self._errors_while("adding an event"):
            outcome, event = self._lead_append(keys=[self.keys.head, self.keys.events], args=words)
        return LeadersWord(outcome, StreamId.parse(event) if event else ORIGIN)

    def commit(
        self,
        *,
        epoch: int,
        before: StreamId,
        after: StreamId,
        chain: str,
        events: int,
        decisions: Sequence[tuple[StreamId, Fields]],
        status: Mapping[str, str],
    ) -> Committed:
        """Writes decisions, cursor, chain and status in one step, or nothing; `events` were folded."""
        words = [word for pair in status.items() for word in pair]
        added = [(str(decision), fields) for decision, fields in decisions]
        batch = (str(epoch), self._who, str(before), str(after), chain, events, words, added)
        keys = [self.keys.head, self.keys.decisions, self.keys.status, self.keys.events]
        with self._errors_while("committing decisions"):
            return Committed(*self._commit(keys=keys, args=[_packed(batch)]))

    def head(self) -> Head | None:
        """Returns how far the log is decided; None when no coordinator ever was."""
        with self._errors_while("reading the head"):
            epoch, cursor, chain, folded, server = self._client.hmget(
                self.keys.head, "epoch", "cursor", "chain", "folded", "server"
            )
        if epoch is None:
            return None
        return Head(
            epoch_in(epoch),
            cursor_in(cursor or ""),
            readable(chain or ""),
            folded_in(folded or ""),
            server or "",
        )

    def remember_server(self, run: str) -> None:
        """Notes in the head the run of the server on which its leader leads."""
        with self._errors_while("noting the server"):
            self._client.hset(self.keys.head, "server", run)

    def acknowledge(
        self, fields: Fields, *, cursor: StreamId, folded: int, folded_from_now: int, cut_off: bool
    ) -> AcknowledgeReply:
        """Adds the event `fields` and sets the head's count to `folded_from_now`; neither if the head moved.

        `cut_off`: the log ends before the head, so it depends on the server's clock whether the event comes
        behind it.
        """
        words = [str(cursor), folded, folded_from_now, "cut off" if cut_off else "", *self._signed(fields)]
        with self._errors_while("acknowledging a loss"):
            outcome, event = self._acknowledge(keys=[self.keys.head, self.keys.events], args=words)
        return AcknowledgeReply(outcome, StreamId.parse(event) if event else ORIGIN)

    # --- the log as a whole ------------------------------------------------------------------------------

    def log_name(self) -> str:
        """Returns the name that only this log has; empty for one that is older than such names."""
        with self._errors_while("asking for the log's name"):
            named: str | None = self._client.get(self.keys.log)
            return (
                named
                if named is not None
                else str(self._name_log([self.keys.log, self.keys.head], [secrets.token_hex(4)]))
            )

    def known_log_name(self) -> str:
        """Returns the log's name without giving it one; empty where it has none."""
        with self._errors_while("asking for the log's name"):
            return str(self._client.get(self.keys.log) or "")

    def snapshot(self) -> str | None:
        """Returns the snapshot's text."""
        with self._errors_while("reading the snapshot"):
            text: str | None = self._client.get(self.keys.snapshot)
        return text

    def save_snapshot(self, text: str) -> None:
        """Replaces the snapshot."""
        with self._errors_while("writing the snapshot"):
            self._client.set(self.keys.snapshot, text)

    def archived(self) -> MovedHistory | None:
        """Returns what was moved to an archive; None while the streams reach back to the beginning."""
        with self._errors_while("asking what is archived"):
            up_to, folder, kept_from = self._client.hmget(self.keys.archive, "up_to", "folder", "kept_from")
        return MovedHistory(cursor_in(up_to), readable(folder or ""), cursor_in(kept_from)) if up_to else None
