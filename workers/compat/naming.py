"""What a process that has not been named is called on the log: by its command line, the same after a restart.

Two processes of one name would take each other for a successor; so a name that another live process has gets
a number.
"""

import hashlib
import re
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from portfold.bounds import LONGEST_NAME, NAME_LETTERS
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.claims.claim import Claim, NameTaken
from portfold.workers.client.settings import GateSettings, open_bus

_UNFIT = re.compile(rf"[^{NAME_LETTERS}]+")
_LOOK_SECONDS = 0.05
_MOST_ALIKE = 100


def name_of_this_process(words: Sequence[str] | None = None) -> str:
    """`strategy-ES` for `python strategy.py ES`; of a long command line the end is a digest."""
    program, *arguments = (sys.argv if words is None else words) or [""]
    parts = [Path(program).stem if program not in ("", "-c", "-m") else "python", *arguments]
    name = _UNFIT.sub("-", "-".join(parts)).strip("-") or "python"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:51]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def claim_a_name(name: str, settings: GateSettings, log: Log) -> tuple[str, Claim]:
    """`name`, unless another process has it: then with a number. With the bus away, `name`.

    It is claimed in one step, so that of many that start at once each has a name of its own; the claim is to
    be given back at the end.
    """
    for number in range(1, _MOST_ALIKE):
        own = name if number == 1 else f"{name[: LONGEST_NAME - 3]}-{number}"
        claim = Claim(open_bus(settings, own), own, settings, stop=threading.Event(), log=log)
        try:
            claim.take(patient=True)
        except NameTaken:
            claim.close()
            continue
        with closing(open_bus(settings, own)) as bus:
            is_free = _is_free(bus, own, settings.worker_lost_seconds if number == 1 else 0, log)
        if is_free:
            if number > 1:
                log.warning("Another live process has this name; set PORTFOLD_WORKER", name=name, instead=own)
            return own, claim
        claim.close()
    raise NameTaken(f"{_MOST_ALIKE} processes are named {name}: set PORTFOLD_WORKER, each to another name")


def _is_free(bus: Bus, name: str, lapse_seconds: float, log: Log) -> bool:
    """Returns whether no process gives signs of life under the name without having claimed it.

    One that has just died seems alive for `lapse_seconds`, and may be this one's own earlier life: so long it
    waits for the name.
    """
    deadline = time.monotonic() + lapse_seconds
    try:
        while _is_taken(bus, name):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
    except BusError as error:
        log.error("The bus is unreachable: whether the name is taken is not known", name=name, why=str(error))
    return True


def _is_taken(bus: Bus, name: str) -> bool:
    """Returns whether a process of that name gives signs of life; one that said goodbye still does, for a
    moment.
    """
    if bus.beats([name])[0] is None:
        return False
    known = what_can_be_read(bus.status()).view
    return known.presence_of(name) != "stopped"
