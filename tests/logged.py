"""What was logged until now: lines are written by a thread of their own, a moment after they were said."""

import io
from uuid import uuid4

from portfold.log import Log
from tests.waiting import until

_HERE = "read up to here"


def logged(log: Log, said: io.StringIO) -> str:
    """Returns all lines that were said before this call, once they are written."""
    mark = f"{_HERE} {uuid4()}"
    log.info(mark)
    written = until(lambda: text if mark in (text := said.getvalue()) else "", "the lines to be written")
    return "".join(line for line in written.splitlines(keepends=True) if _HERE not in line)
