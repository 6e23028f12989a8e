"""What stands in for parts of production modules during a run: threads, names by chance, slow look-ups.

Each entry of the log is read by one coordinator after the other, and by the judge: the production codec says
once what is in it.
"""

import secrets
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from random import Random
from unittest import mock

from portfold.coordinator.configured import configured_limits
from portfold.coordinator.fold.proofs import reading
from portfold.coordinator.process import leader
from portfold.coordinator.process import process as coordinator_process
from portfold.events.codec import Fields, decode_bare
from portfold.events.incoming import Event, Malformed
from portfold.workers.client.heartbeat import Heartbeat
from portfold.workers.client.listener import Listener
from portfold.workers.flattener.side_by_side import SideBySide
from tests.simulation.seats.world import World

EVENTS_A_SNAPSHOT = 15
"""So that a run of a few hundred events has some."""
_VERSION = version("portfold")


@contextmanager
def substituted(random: Random, world: World) -> Iterator[None]:
    """No thread starts, since the scheduler takes every loop's steps; names are drawn from the seed."""
    limits = configured_limits(world.configuration)

    def token_hex(size: int) -> str:
        return random.randbytes(size).hex()

    with ExitStack() as stack:
        for owner, name, substitute in (
            (Listener, "start", mock.DEFAULT),
            (Heartbeat, "start", mock.DEFAULT),
            (SideBySide, "do", _one_by_one),
            (secrets, "token_hex", token_hex),
            (leader, "EVENTS_A_SNAPSHOT", EVENTS_A_SNAPSHOT),
            (coordinator_process, "version", lambda _: _VERSION),
            (coordinator_process, "configured_limits", lambda _: limits),
            (reading, "decode_bare", _decoding_each_entry_once()),
        ):
            stack.enter_context(mock.patch.object(owner, name, substitute))
        stack.enter_context(world.brokers.substituted(random))
        yield


def _decoding_each_entry_once() -> Callable[[Fields], Event | Malformed]:
    decoded: dict[tuple[str, ...], Event | Malformed] = {}

    def decode(fields: Fields) -> Event | Malformed:
        entry = tuple(fields)
        if entry not in decoded:
            decoded[entry] = decode_bare(fields)
        return decoded[entry]

    return decode


def _one_by_one(_: SideBySide, acts: Mapping[Hashable, Callable[[], None]]) -> list[Exception]:
    """In the order they are given, without threads."""
    failed: list[Exception] = []
    for act in acts.values():
        try:
            act()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked for it, as threads do
            failed.append(error)
    return failed
