"""Makes the texts of a report fit for the log, so that no fact is refused for its wording.

A reason comes from a strategy and the name of a fill from a broker, when the order has long been filled. What
may not stand on the log is escaped, what is too long is cut, and a name that is none gets one made of it: the
same for the same name, so that a second report is known as one.
"""

import hashlib
import re

from portfold.bounds import LONGEST_NAME, LONGEST_TEXT, NAME_LETTERS
from portfold.events.fields import readable

_NAME = re.compile(rf"[{NAME_LETTERS}]{{0,{LONGEST_NAME}}}").fullmatch
_DIGEST_BYTES = 16


def as_text(reason: object) -> str:
    """Returns the reason as the log takes it."""
    return readable(str(reason)[:LONGEST_TEXT])[:LONGEST_TEXT]


def as_name(fill: object) -> str:
    """Returns the name of a fill as the log takes it."""
    name = str(fill)
    if _NAME(name):
        return name
    name_bytes = name.encode("utf-8", "surrogatepass")
    return f"named-{hashlib.blake2b(name_bytes, digest_size=_DIGEST_BYTES).hexdigest()}"
