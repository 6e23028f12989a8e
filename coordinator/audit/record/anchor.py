"""An anchor: one line to keep elsewhere, which later proves that history up to there is the same.

The chain stands for all history up to its event. Whoever can write to the server can rewrite everything
there, decisions, chain and head, so that it adds up again, or cut off its end; but not a line that is
somewhere else. A signature over the line shows who made it.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct, structs

from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.fields import STREAM_ID
from portfold.events.stream_id import ORIGIN, StreamId

_BEGINS = "portfold-anchor"
_FORMAT = "1"
_FIELDS: dict[str, tuple[str, str]] = {
    "portfolio": (r"[A-Za-z0-9_-]{1,64}", "a portfolio's name"),
    "cursor": (STREAM_ID, "a stream ID such as 1736950000000-0"),
    "chain": (r"[0-9a-f]{64}", "a SHA-256 in 64 hexadecimal digits"),
    "fold": (r"[0-9]{1,9}", "the version of the rules, a whole number"),
    "events": (r"[0-9]{1,18}", "a whole number of events"),
    "made": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
        "a time such as 2025-01-15T20:30:00Z",
    ),
}
_SIGNED: dict[str, tuple[str, str]] = {
    "key": (r"[0-9a-f]{16}", "the key's first 16 hexadecimal digits"),
    "signature": (r"[A-Za-z0-9+/]{86}==", "an Ed25519 signature in base 64"),
}


class AnchorError(PortfoldError, ValueError):
    """A line that is no anchor, or not one of this record. The text is a sentence."""

    exit_code = UNUSABLE


class SigningError(PortfoldError):
    """A key that cannot be used. The text is a sentence that names the file."""

    exit_code = UNUSABLE


class NotSigned(PortfoldError):
    """An anchor that is not signed with the key it should be. The text is a sentence."""


class Anchor(Struct, frozen=True):
    """The place `cursor` of a portfolio's log, and its `chain` there; `made` at that time by our clock.

    `fold` is the version of the rules that made it, `events` how many events there were. `key` names the
    public key that the `signature` is checked with; both are empty where it is not signed.
    """

    portfolio: str
    cursor: str
    chain: str
    fold: str
    events: str
    made: str
    key: str = ""
    signature: str = ""

    @property
    def signed_text(self) -> str:
        """Returns what a signature is over: all of the line that comes before it."""
        pairs = (f"{name}={value}" for name, value in structs.asdict(self).items() if value)
        return " ".join([_BEGINS, _FORMAT, *(pair for pair in pairs if not pair.startswith("signature="))])

    @property
    def line(self) -> str:
        """Writes all of it in one line."""
        return f"{self.signed_text} signature={self.signature}" if self.signature else self.signed_text


def anchor_of(record: Record) -> Anchor:
    """Returns the anchor at the end of a record, as it says itself; nothing is decided again for it."""
    return Anchor(
        portfolio=record.portfolio,
        cursor=str(record.cursor),
        chain=record.chain,
        fold=str(FOLD_VERSION),
        events=str(record.events or 0),
        made=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


def read_anchors(lines: Iterable[str]) -> list[Anchor]:
    """Reads the anchors in these lines, one a line; blank ones are passed over. Raises AnchorError."""
    return [read_anchor(line) for line in lines if line.strip()]


def read_anchor(line: str) -> Anchor:
    """Reads `Anchor.line`. Raises AnchorError, which names the field that is not right."""
    begins, *words = line.split()
    if begins != _BEGINS or words[:1] != [_FORMAT]:
        raise AnchorError(f"expected a line that begins with {_BEGINS} {_FORMAT}, got {line[:60]!a}")
    found = dict(word.partition("=")[::2] for word in words[1:])
    expected = _FIELDS | _SIGNED if _SIGNED.keys() & found.keys() else _FIELDS
    for name, (pattern, what) in expected.items():
        if name not in found:
            raise AnchorError(f"{name}: missing; expected {what}")
        if not re.fullmatch(pattern, found[name], re.ASCII):
            raise AnchorError(f"{name}: expected {what}, got {found[name][:80]!a}")
    for name in found:
        if name not in expected:
            raise AnchorError(f"{name[:60]!a}: not a field of an anchor, which are {', '.join(expected)}")
    try:
        nothing_yet = StreamId.parse(found["cursor"]) == ORIGIN
    except ValueError as error:
        raise AnchorError(f"cursor: {error}") from None
    if nothing_yet:
        raise AnchorError("cursor: expected an event's ID, got 0-0, which no event has")
    anchor = Anchor(**found)
    if anchor.line != " ".join([begins, *words]):
        raise AnchorError(f"expected each field once, in this order: {', '.join(expected)}")
    return anchor
