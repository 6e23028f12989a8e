"""The answers of the bus, and how they are read from what lies in the server.

Guarantees: a value that somebody overwrote by hand is read exactly, or refused with BusRefused, never
guessed.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from portfold.events.fields import readable
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.errors import BusRefused


class Entry(NamedTuple):
    """An entry of a stream, exactly as it lies there."""

    id: StreamId
    fields: list[str]

    @property
    def by_name(self) -> dict[str, str]:
        """Returns the fields by name; of a name given twice the last. A name without a value is left out."""
        return dict(zip(self.fields[::2], self.fields[1::2], strict=False))


class Head(NamedTuple):
    """How far the log is decided: the leader's epoch, the last event folded, the chain up to it.

    `folded` counts the events ever folded, `server` is the run of the server that the last leader led on.
    """

    epoch: int
    cursor: StreamId
    chain: str
    folded: int = 0
    server: str = ""


class Lease(NamedTuple):
    """The answer to an attempt to lead: `epoch` 0 when `holder` leads already."""

    epoch: int
    holder: str
    cursor: StreamId
    chain: str
    folded: int = 0
    server: str = ""


class Extent(NamedTuple):
    """The extent of a stream: how many entries it ever took, and how many it still holds.

    `first` is the oldest of those, `last` the largest ID it ever gave out; ORIGIN where there is none.
    """

    added: int
    length: int
    first: StreamId
    last: StreamId


class Standing(NamedTuple):
    """What decides whether a yes to a worker still holds, all of one moment of the server.

    `now_ms` is the server's clock, or the log's where that is ahead; `view` the field VIEW of the status, or
    nothing; `cursor` the event up to which the log is decided; `session` the one whose heartbeat as that
    worker has not lapsed.
    """

    now_ms: int
    view: str
    cursor: str
    session: str | None


class MovedHistory(NamedTuple):
    """History that is no longer in the streams: up to which event, and the folder it was moved to.

    `kept_from` is the first event that stayed, ORIGIN where an earlier version did not note it.
    """

    up_to: StreamId
    folder: str
    kept_from: StreamId = ORIGIN


class LeadersWord(NamedTuple):
    """The answer to a leader that publishes an event: `done` with its event; `epoch` if another leads by now,
    `limits` if others were ordered than it knows of.
    """

    outcome: Literal["done", "epoch", "limits"]
    event: StreamId


class AcknowledgeReply(NamedTuple):
    """The answer to an acknowledgement: `done` with its event; `moved` if the head has; `clock` if the event
    would lie before the head.
    """

    outcome: Literal["done", "moved", "clock"]
    event: StreamId


class Committed(NamedTuple):
    """The answer to a commit: `outcome` says whether it is done, or what was found instead; `gone` where the
    last of the events is not on the log any more.

    `detail` is how many fields the status has now (done), the chain found (cursor), the server's words
    (decisions).
    """

    outcome: Literal["done", "epoch", "cursor", "decisions", "gone"]
    epoch: str
    cursor: str
    detail: str


def trimmed_away(event: StreamId, extent: Extent) -> bool:
    """Returns whether a missing event can have been trimmed: only those before the first entry are.

    A log that was deleted and begun anew has nothing before its first entry.
    """
    kept_from = extent.first if extent.length else StreamId(extent.last.ms, extent.last.seq + 1)
    return extent.added > extent.length and event < kept_from


def entries_in(reply: Sequence[Any]) -> list[Entry]:
    """Reads the entries in a raw reply."""
    return [Entry(StreamId.parse(entry_id), fields) for entry_id, fields in reply]


def milliseconds_in(time: tuple[int, int]) -> int:
    """Reads the server's clock from its answer to TIME."""
    seconds, microseconds = time
    return int(seconds) * 1000 + int(microseconds) // 1000


def readable_or_none(text: str | None) -> str | None:
    """Returns the text of a key as it may be shown; None where there is no such key."""
    return None if text is None else readable(text)


def epoch_in(text: str) -> int:
    """Reads the head's epoch. Raises BusRefused where somebody has overwritten it."""
    if not text.isdecimal():
        raise BusRefused(f"head, epoch: expected a whole number, got {text[:60]!r}")
    return int(text)


def folded_in(text: str) -> int:
    """Reads the head's count. Raises BusRefused where somebody has overwritten it."""
    if text and not text.isdecimal():
        raise BusRefused(f"head, folded: expected a whole number, got {text[:60]!r}")
    return int(text or "0")


def cursor_in(text: str) -> StreamId:
    """Reads the head's cursor. Raises BusRefused where somebody has overwritten it."""
    try:
        return StreamId.parse(text) if text else ORIGIN
    except ValueError as overwritten:
        raise BusRefused(f"head, cursor: {overwritten}") from None
