"""Kills coordinators, archivers, workers and the server with -9, again and again, while eight workers trade.

At any moment and at named places. The dead are replaced at once; before the next kill somebody leads again,
or not: some come on the heels of another. In the end all workers stop, all is decided, what is old is moved
to the archive that so many archivers died on, and all is checked.
"""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from portfold.config import write_defaults
from portfold.coordinator.store.archive import Archive
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.verification import verify_archive
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.kills import checks
from tests.kills.children import Child, Nursery
from tests.kills.doomed_bus import ARCHIVING, LEADING, TAKING_OVER
from tests.kills.lives import KEPT, archiver, coordinator, worker
from tests.kills.report import Report
from tests.server import EmbeddedServer
from tests.waiting import until

WORKERS = 8
_PORTFOLIO = "kills"
_LEASE_MS = 200
_LEADS_WITHIN_SECONDS = 20.0
_DOOM_SECONDS = 10.0
_ARCHIVE_SECONDS = 60.0
_HASTY = 0.25
_LULL_SECONDS = 0.1


def run(folder: Path, kills: int, seed: int, say: Callable[[str], None]) -> Report:
    """Does it all in `folder`; `say` is told how it goes."""
    with EmbeddedServer(folder / "server") as server:
        nursery = Nursery(folder)
        floor = _Floor(nursery, server, folder, seed)
        try:
            return floor.play(kills, say)
        finally:
            nursery.end()


class _Floor:
    """Two coordinators and eight workers, as long as it lasts."""

    def __init__(self, nursery: Nursery, server: EmbeddedServer, folder: Path, seed: int) -> None:
        self._nursery = nursery
        self._server = server
        self._folder = folder
        self._random = Random(seed)
        self._config = folder / "config"
        self._archive = folder / "archive"
        write_defaults(self._config)
        _change(self._config / "runtime.json", '"lease_ms": 1000', f'"lease_ms": {_LEASE_MS}')
        self._bus = Bus(connect(server.url), _PORTFOLIO)
        self._report = Report(seed)
        self._lives = 0
        self._coordinators: list[Child] = []
        self._workers: dict[str, Child] = {}
        self._ways: tuple[tuple[int, Callable[[], None]], ...] = (
            (4, self._kill_a_leader),
            (7, self._doom_a_leader),
            (2, self._kill_a_standby),
            (4, self._doom_a_standby),
            (4, self._kill_a_worker),
            (2, self._kill_an_archiver),
            (4, self._doom_an_archiver),
            (3, self._kill_the_server),
        )

    def play(self, kills: int, say: Callable[[str], None]) -> Report:
        begun = time.monotonic()
        self._replace_the_dead()
        until(self._bus.status, "somebody to lead")
        while (done := self._report.kills.total()) < kills:
            time.sleep(self._random.uniform(0, _LULL_SECONDS))  # so that it comes at any moment
            weights, ways = zip(*self._ways, strict=True)
            self._random.choices(ways, weights)[0]()
            self._replace_the_dead()
            if self._random.random() > _HASTY:
                self._until_somebody_leads()
            if self._report.kills.total() // 20 > done // 20:
                say(f"{self._report.kills.total()} kills, {self._bus.extent().added:,} events")
        self._wind_up()
        self._report.seconds = time.monotonic() - begun
        self._check()
        return self._report

    # --- ways to die -------------------------------------------------------------------------------------

    def _kill_a_leader(self) -> None:
        leader = self._leader_if_any()
        if leader is not None:
            self._kill(leader, "leader, at any moment")
        else:
            self._kill(self._random.choice(self._coordinators), "coordinator, while nobody leads")

    def _doom_a_leader(self) -> None:
        place = self._random.choice(LEADING)
        leader = self._leader()
        leader.order(f"doom {place}")
        self._until_dead(leader, f"leader, {place}")

    def _kill_a_standby(self) -> None:
        self._kill(self._standby(), "standby, at any moment")

    def _doom_a_standby(self) -> None:
        """A standby that dies while it takes over from a leader that has died."""
        place, leader, standby = self._random.choice(TAKING_OVER), self._leader(), self._standby()
        standby.order(f"doom {place}")
        self._kill(leader, "leader, at any moment")
        self._until_dead(standby, f"standby, {place}")

    def _kill_a_worker(self) -> None:
        self._kill(self._workers[self._random.choice(sorted(self._workers))], "worker, at any moment")

    def _kill_an_archiver(self) -> None:
        child = self._archiver("")
        time.sleep(self._random.uniform(0, _LULL_SECONDS))
        if not child.ended():
            self._kill(child, "archiver, at any moment")
        self._note_archiver(child)

    def _doom_an_archiver(self) -> None:
        """An archiver that finds nothing to move does not come to its place, and nobody is killed."""
        place = self._random.choice(ARCHIVING)
        child = self._archiver(place)
        until(child.ended, "the archiver to end", seconds=_ARCHIVE_SECONDS)
        if child.code == -signal.SIGKILL:
            self._report.kills[f"archiver, {place}"] += 1
        self._note_archiver(child)

    def _archiver(self, doom: str) -> Child:
        self._until_somebody_leads()
        life = archiver(self._server.port, _PORTFOLIO, self._archive, doom)
        return self._nursery.start(f"archiver-{self._life()}", life)

    def _note_archiver(self, child: Child) -> None:
        if child.code not in (0, -signal.SIGKILL):
            self._report.wrong.append(f"{child.name} ended with {child.code}: see its log")

    def _kill_the_server(self) -> None:
        self._server.kill()
        self._report.kills["server, at any moment"] += 1
        time.sleep(self._random.uniform(0, 2 * _LULL_SECONDS))
        self._server.restart()

    def _kill(self, child: Child, how: str) -> None:
        child.kill()
        self._report.kills[how] += 1

    def _until_dead(self, child: Child, how: str) -> None:
        """Waits for it to come to its place. If it does not, as another leads by now, it dies where it is."""
        try:
            until(child.ended, how, seconds=_DOOM_SECONDS)
        except AssertionError:
            self._kill(child, f"{how.partition(',')[0]}, that did not come to its place")
        else:
            self._report.kills[how] += 1

    # --- who is there ------------------------------------------------------------------------------------

    def _leader_if_any(self) -> Child | None:
        name = self._bus.leader()
        return next((one for one in self._coordinators if one.name == name), None)

    def _leader(self) -> Child:
        """Whoever leads, as soon as somebody alive does."""
        return until(self._leader_if_any, "somebody to lead", seconds=_LEADS_WITHIN_SECONDS)

    def _standby(self) -> Child:
        leader = self._leader()
        return next(one for one in self._coordinators if one is not leader)

    def _replace_the_dead(self) -> None:
        port = self._server.port
        self._note_failures()
        self._coordinators = [one for one in self._coordinators if not one.ended()]
        while len(self._coordinators) < 2:
            name = f"coordinator-{self._life()}"
            life = coordinator(name, port, _PORTFOLIO, self._config, self._archive)
            self._coordinators.append(self._nursery.start(name, life))
        for number in range(WORKERS):
            name = f"worker-{number}"
            if name not in self._workers or self._workers[name].ended():
                journal, seed = self._folder / f"{name}.journal", f"{self._report.seed}:{self._life()}"
                life = worker(name, port, _PORTFOLIO, journal, seed)
                self._workers[name] = self._nursery.start(name, life)

    def _life(self) -> int:
        self._lives += 1
        return self._lives

    def _note_failures(self) -> None:
        """Nobody is to end by himself."""
        for child in (*self._coordinators, *self._workers.values()):
            if child.ended() and child.code != -signal.SIGKILL:
                self._report.wrong.append(f"{child.name} ended by itself, with {child.code}: see its log")

    def _until_somebody_leads(self) -> None:
        """Waits until all that is on the log by now has been decided."""
        last = self._bus.last_event()

        def decided() -> bool:
            head = self._bus.head()
            return head is not None and head.cursor >= last

        until(decided, "somebody to lead", seconds=_LEADS_WITHIN_SECONDS)

    # --- the end -----------------------------------------------------------------------------------------

    def _wind_up(self) -> None:
        """Workers stop, all is decided, coordinators stop."""
        self._replace_the_dead()
        for child in self._workers.values():
            child.order("stop")
        until(lambda: all(child.ended() for child in self._workers.values()), "workers to stop")
        self._until_somebody_leads()
        for child in self._coordinators:
            child.order("stop")
        until(lambda: all(child.ended() for child in self._coordinators), "coordinators to stop")
        self._report.wrong += [
            f"{child.name} did not end in good order, but with {child.code}: see its log"
            for child in (*self._workers.values(), *self._coordinators)
            if child.code != 0
        ]

    def _archive_the_rest(self) -> None:
        """What an archiver does that nobody kills."""
        bus = ArchiverBus(connect(self._server.url), _PORTFOLIO)
        archive_history(bus, self._archive, Keep(events=KEPT))
        bus.close()
        if Archive.is_in(self._archive):
            self._report.archived = verify_archive(self._archive).events

    def _check(self) -> None:
        self._archive_the_rest()
        archive = self._archive if Archive.is_in(self._archive) else None
        journals = checks.read_journals(self._folder.glob("*.journal"))
        log, head = checks.read_log(self._bus, archive), self._bus.head()
        report = self._report
        report.events, report.acknowledged, report.told = (
            len(log.events),
            len(journals.acknowledged),
            len(journals.told),
        )
        report.requests = sum(fields.get("type") == "EntryRequested" for fields in log.events.values())
        report.terms = head.epoch if head else 0
        report.wrong += checks.all_acknowledged_is_on_the_log(journals, log)
        report.wrong += checks.every_request_has_one_answer(log)
        report.wrong += checks.workers_were_told_what_the_log_says(journals, log)
        report.wrong += checks.nothing_is_missed_or_doubted(log, self._bus.status())
        report.wrong += checks.all_is_decided_again(self._bus, archive)
        self._bus.close()


def _change(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
