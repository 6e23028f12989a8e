"""The chain: one hash that stands for all history, so that one altered byte anywhere shows.

`h = SHA-256(h_prev ‖ event ID ‖ event fields ‖ its decisions)`, over the fields exactly as they lie in the
stream, decisions without their own `chain`. The parts are framed as JSON arrays of strings, so no two
different histories can give the same bytes.
"""

import hashlib
import json
from collections.abc import Sequence

import msgspec

from portfold.events.codec import Fields

GENESIS = "0" * 64
"""The hash before the first event."""


def link(previous: str, event_id: str, fields: Fields, decisions: Sequence[Fields]) -> str:
    """Returns the hash after one event: 64 hexadecimal digits."""
    return hashlib.sha256(previous.encode() + _framed([event_id, fields, decisions])).hexdigest()


def _framed(parts: object) -> bytes:
    try:
        return msgspec.json.encode(parts)
    except UnicodeEncodeError:  # bytes that are no UTF-8, read as lone surrogates: somebody's garbage
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
