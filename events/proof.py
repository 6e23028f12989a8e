"""What proves whose an event is: three fields behind its own, the last one an HMAC of all the others.

`key` names the key, `signed` is the first ID that was free on the log then, `proof` is the HMAC-SHA-256 of
the log's name and of every field before it, in order, under that key. Pure. Guarantees: an event that was
proved for one log proves nothing on another; one altered word, or its fields in another order, prove nothing.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from portfold.events.stream_id import StreamId

COORDINATOR, ACCOUNT = "coordinator", "account"
PROGRAM = "program "
"""Before the name of a program whose own arguments have set limits, which the key of that name proves."""
_NAMES = ("key", "signed", "proof")
_WORDS = 2 * len(_NAMES)
_BY_THE_LEADER = frozenset({"CoordinatorStarted", "ClockTicked", "WorkerLost"})
_MOST_LETTERS = 100
_REFUSED = "proof: "


class Proof(NamedTuple):
    """By which key an event is proved, and where on the log that was done."""

    key: str
    signed: StreamId
    digest: str

    @property
    def name(self) -> str:
        """Returns whose key that is."""
        return self.key.rpartition(".")[0]


def apart(fields: Sequence[str]) -> tuple[Sequence[str], Proof | None]:
    """Returns an event's own fields, and its proof; None, and all fields, where there is none."""
    if len(fields) <= _WORDS or fields[-2] != "proof" or tuple(fields[-_WORDS::2]) != _NAMES:
        return fields, None
    key, signed, digest = fields[1 - _WORDS :: 2]
    if len(key) > _MOST_LETTERS:
        return fields, None
    try:
        return fields[:-_WORDS], Proof(key, StreamId.parse(signed), digest)
    except ValueError:
        return fields, None


def proved(fields: Sequence[str], *, key: str, secret: str, log: str, at: StreamId) -> list[str]:
    """Returns the fields with their proof, signed `at` that place."""
    words = [*fields, "key", key, "signed", str(at), "proof"]
    return [*words, _digest(secret, log, words)]


def proves(fields: Sequence[str], secret: str, log: str) -> bool:
    """Returns whether the last field is the proof of the others."""
    try:
        expected = _digest(secret, log, fields[:-1])
    except UnicodeEncodeError:  # bytes that are no UTF-8: nobody of ours signs those
        return False
    return hmac.compare_digest(expected.encode(), fields[-1].encode("utf-8", "surrogatepass"))


def whose(fields: Sequence[str]) -> str:
    """Returns who has to prove an event of these fields; nothing where it says nobody's name."""
    by_name = dict(zip(fields[::2], fields[1::2], strict=False))
    kind = by_name.get("type", "")
    if kind in _BY_THE_LEADER:
        return COORDINATOR
    if kind == "AccountReported":
        return ACCOUNT
    return by_name.get("by", "").removeprefix(PROGRAM) or by_name.get("worker", "")


def refused(why: str) -> str:
    """Returns the reason of an event that is not proved, as it stands on record."""
    return f"{_REFUSED}{why}"


def refused_in(decisions: Sequence[Sequence[str]]) -> str:
    """Returns why an event was found not proved, of its decisions on record; nothing where it was not."""
    for fields in decisions:
        if fields[:2] == ["type", "EventRejected"]:
            reason = dict(zip(fields[::2], fields[1::2], strict=False)).get("reason", "")
            if reason.startswith(_REFUSED):
                return reason
    return ""


def _digest(secret: str, log: str, words: Sequence[str]) -> str:
    return hmac.new(secret.encode(), msgspec.json.encode([log, *words]), sha256).hexdigest()
