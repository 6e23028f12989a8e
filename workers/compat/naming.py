"""What a process that has not been named is called on the log: by its command line, the same after a restart.

Two processes of one name would take each other for a successor; so a name that another live process has gets
a number.
"""

import hashlib
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from coordinator.log import Log
from events.bus import Bus
from events.errors import BusError

_LONGEST = 64
_UNFIT = re.compile(r"[^A-Za-z0-9._@-]+")
_LOOK_SECONDS = 0.05
_MOST_ALIKE = 100


def name_of_this_process(words: Sequence[str] | None = None) -> str:
    """`strategy-ES` for `python strategy.py ES`; of a long command line the end is a digest."""
    program, *arguments = (sys.argv if words is None else words) or [""]
    parts = [Path(program).stem if program not in ("", "-c", "-m") else "python", *arguments]
    name = _UNFIT.sub("-", "-".join(parts)).strip("-") or "python"
    if len(name) <= _LONGEST:
        return name
    return f"{name[:51]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def name_that_is_free(bus: Bus, name: str, lapse_seconds: float, log: Log) -> str:
    """`name`, unless a live process has it: then with a number. With the bus away, `name`.

    A process that has just died seems alive for `lapse_seconds`, and may be this one's own earlier life: so
    long it waits for the name.
    """
    deadline = time.monotonic() + lapse_seconds
    try:
        while _is_taken(bus, name):
            if time.monotonic() >= deadline:
                return _numbered(bus, name, log)
            time.sleep(_LOOK_SECONDS)
    except BusError as error:
        log.error("The bus is unreachable: whether the name is taken is not known", name=name, why=str(error))
    return name


def _numbered(bus: Bus, name: str, log: Log) -> str:
    for number in range(2, _MOST_ALIKE):
        other = f"{name[: _LONGEST - 3]}-{number}"
        if not _is_taken(bus, other):
            log.warning("Another live process has this name; set PORTFOLD_WORKER", name=name, instead=other)
            return other
    return name


def _is_taken(bus: Bus, name: str) -> bool:
    """Whether a process of that name gives signs of life; one that said goodbye still does, for a moment."""
    return bus.beats([name])[0] is not None and f"{name} stopped" not in bus.status().get(
        "workers", ""
    ).split(", ")
