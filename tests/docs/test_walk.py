"""The command blocks of each page in their order, as a reader types them: each ends well, and says something.

On one server: a coordinator leads `main`, and beside it lies the record of two days.
"""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portfold.cli.exits import OK
from portfold.events.wire.connection import connect
from tests.archive.past import Past
from tests.audit.golden_record import Golden
from tests.cli.command_line import Running, called, started
from tests.docs.blocks import PAGES, Block, Typed, blocks_of, typed
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

WALKED = [page for page in PAGES if any(block.is_run for block in blocks_of(page))]
PLACEHOLDERS = {"NAME": "jane", "TEXT": "a reason", "FILE": "health.json"}
STAY = {"server", "coordinator", "flattener", "notifier", "dashboard"}


class Ground(NamedTuple):
    """Where it is walked: the server with a leader, the one with the record, and a client of the first."""

    live: str
    record: str
    client: Any


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ExitStack() as ends:
        live, record = (
            ends.enter_context(EmbeddedServer(tmp_path_factory.mktemp(name))) for name in ("live", "record")
        )
        kept: Any = ends.enter_context(closing(connect(record.url)))
        past = Past(record.url, "main", kept)
        ends.enter_context(closing(past.bus))
        for recorded in Golden().all:
            kept.execute_command("XADD", past.bus.keys.events, str(recorded.event.id), *recorded.event.fields)
        past.is_decided()
        ends.enter_context(coordinating(live.url, "main"))
        yield Ground(live.url, record.url, ends.enter_context(closing(connect(live.url))))


class Walk:
    """One page: its folder, and what it has left running."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground, self._folder = ground, folder
        self._ends = ExitStack()
        self._running: list[Running] = []

    def through(self, block: Block) -> None:
        """Runs the commands of a block."""
        if block.merged_into:
            self._merge(self._folder / block.merged_into, json.loads("\n".join(block.lines)))
            return
        url = self._ground.record if "on the record" in block.mark else self._ground.live
        codes = {0, 1} if "exit code 0 or 1" in block.mark else {0}
        for one in typed([*block.prepared, *block.lines]):
            self._do(one, url, codes, block.name)

    def _do(self, one: Typed, url: str, codes: set[int], where: str) -> None:
        name, *words = (PLACEHOLDERS.get(word, word) for word in one.words)
        if name != "portfold":
            assert self._ground.client.execute_command(name, *words), where
            return
        stays = one.behind or words[0] in STAY or "-f" in words or "--watch" in words
        if stays:
            running = self._ends.enter_context(started(*words, cwd=self._folder, PORTFOLD_URL=url))
            until(lambda: self._has_spoken(running), f"{where} to speak")
            self._running.append(running)
            return
        ran = called(*words, cwd=self._folder, PORTFOLD_URL=url)
        assert ran.code in codes, (where, words, ran)
        assert ran.out or ran.err, (where, words)
        if one.into:
            with (self._folder / one.into).open("a") as file:
                file.write(ran.out)

    def _has_spoken(self, running: Running) -> bool:
        """On its stream, or in the file of health; or it has ended."""
        file = self._folder / PLACEHOLDERS["FILE"]
        return bool(running.said.stat().st_size or file.exists() or running.process.poll() is not None)

    @staticmethod
    def _merge(file: Path, tree: dict[str, Any]) -> None:
        file.write_text(json.dumps(json.loads(file.read_text()) | tree))

    def end(self) -> None:
        """Ends what runs still, in good order."""
        called(
            "resume",
            "--by",
            "walk",
            "--reason",
            "another page",
            cwd=self._folder,
            PORTFOLD_URL=self._ground.live,
        )
        with self._ends:
            for running in reversed(self._running):
                running.process.send_signal(signal.SIGTERM)
            assert {running.ends() for running in self._running} <= {OK}


@pytest.mark.parametrize("page", WALKED, ids=lambda page: page.name)
def test_a_page_can_be_typed_from_top_to_bottom(page: Path, ground: Ground, tmp_path: Path) -> None:
    walk = Walk(ground, tmp_path)
    try:
        for block in blocks_of(page):
            if block.is_run or block.merged_into:
                walk.through(block)
    finally:
        walk.end()
