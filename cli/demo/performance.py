"""The demo's composition root: server, coordinator, a process for each symbol, conductor, watch, last page.

Guarantees: nothing is scripted but the bars. The coordinator is the production one, with a driven clock; the
workers are those that `portfold worker` starts.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from rich.console import Console

from portfold.cli.demo.alerts import Alerts, notifier_section
from portfold.cli.demo.children import Children
from portfold.cli.demo.last_page import checks, looking_lines, totals_lines
from portfold.cli.demo.market import DemoMarket
from portfold.cli.demo.page_offer import where_it_is
from portfold.cli.demo.plain import Plain
from portfold.cli.demo.screen import Screen
from portfold.cli.demo.setup import fresh_folder, write_configuration
from portfold.cli.demo.totals import LogTotals
from portfold.cli.demo.watch import Watch
from portfold.cli.exits import FAILED, OK, Failure
from portfold.cli.stopping import stopped_by_signals
from portfold.config import Configuration
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.workers.feeds.registry import DRIVEN
from portfold.workers.run.book_file import book_of
from portfold.workers.run.conductor import Conductor
from portfold.workers.run.process import WorkerPlan

_COORDINATOR, _DASHBOARD = "coordinator", "dashboard"
_ADDRESS = re.compile(r"http://\S+(?=\n)")
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0
_CATCH_UP_SECONDS = 20.0


@dataclass(frozen=True)
class DemoPlan:
    """What to play, and how.

    `pace`: seconds of rest after each step, None for what the screen asks for. `keep`: leave the server
    running afterwards. `discord_url`: a webhook to send alerts to. `dashboard`: serve the page meanwhile;
    `without_page`: what to say on a terminal where it is not.
    """

    base: Configuration
    market: DemoMarket
    pace: float | None
    keep: bool
    discord_url: str | None = None
    dashboard: bool = False
    without_page: str = ""


def perform(plan: DemoPlan, console: Console) -> int:
    """Plays the demo and returns its exit code. Raises Failure, ConductorError, BusError, ServerError."""
    folder = fresh_folder(Path.cwd())
    _print(console, f"Everything goes into {folder}")
    with (
        stopped_by_signals() as stop,
        EmbeddedServer(folder / "server", keep=plan.keep) as server,
        Children(folder, server.users.file) as children,
    ):
        if plan.keep:
            _print(console, f"The server stays afterwards. To stop it: kill {server.pid}")

        def check() -> None:
            if stop.event.is_set():
                raise KeyboardInterrupt
            children.check()

        stage = _Stage(plan, folder, server, children, check)
        sent = ""
        with Watch(stage.new_bus()) as watch, _show(console, watch, plan.market) as show:
            show.offer(where_it_is(stage.serve_dashboard()) if plan.dashboard else plan.without_page)
            sent = stage.play(show, stop.event.wait)
            if plan.dashboard:
                show.offer("")  # it has ended with the others
            if not watch.catch_up(stage.bus.last_event(), seconds=_CATCH_UP_SECONDS):
                raise Failure("The demo's own screen could not read the whole log in time.")
            watch.end()
            show.phase("done")
        page = _last_page(stage, server, server.pid if plan.keep else None)
    for line in [*page.lines, *([sent] if sent else [])]:
        _print(console, line)
    return OK if page.all_holds else FAILED


def _print(console: Console, line: str) -> None:
    """Prints a line unwrapped, so that commands copied from it work."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Stage:
    """Starts the processes, and drives them through the market with the conductor."""

    def __init__(
        self,
        plan: DemoPlan,
        folder: Path,
        server: EmbeddedServer,
        children: Children,
        check: Callable[[], None],
    ) -> None:
        self._url, self._keepers_url = server.url, server.users.keepers_url(server.url)
        self._plan = plan
        self._children = children
        self.folder = folder
        self.book = book_of("main", folder)
        self._configuration = write_configuration(
            plan.base,
            folder,
            symbols=plan.market.symbols,
            url=server.url,
            book=self.book,
            notifier=notifier_section() if plan.discord_url else None,
        )
        self._alerts = self._with_alerts(plan.discord_url, check) if plan.discord_url else None
        self.bus = self.new_bus()
        runtime = self._configuration.runtime
        self._workers = [
            WorkerPlan(key, feed=DRIVEN, book=self.book)
            for symbol in plan.market.symbols
            for key in runtime.keys_of(symbol)
        ]
        self._names = [runtime.worker_name(worker.key) for worker in self._workers]
        self._conductor = Conductor(
            self.bus,
            self._names,
            check=check,
            patience_seconds=_PATIENCE_SECONDS,
        )

    def new_bus(self) -> Bus:
        """Returns another connection to the portfolio, of whoever keeps the server."""
        return Bus(connect(self._keepers_url), self._configuration.runtime.portfolio)

    def _with_alerts(self, discord_url: str, check: Callable[[], None]) -> Alerts:
        bus = NotifierBus(connect(self._keepers_url), self._configuration.runtime.portfolio)
        return Alerts(self._children, bus, discord_url, check)

    def play(self, show: "_Show", rest: Callable[[float], object]) -> str:
        """Starts all processes, plays the market, and ends them; returns a sentence on the alerts."""
        market = self._plan.market
        show.phase(f"starting a coordinator and {len(self._workers)} workers")
        if self._alerts is not None:
            self._alerts.start(self._target_options)
        self._conductor.open(market.first)
        self._start()
        self._conductor.wait_for_limits()
        show.phase("trading")
        for number, (moment, bars) in enumerate(market.steps(), start=1):
            self._conductor.play(moment, bars)
            wanted = show.stepped(number)
            rest(wanted if self._plan.pace is None else self._plan.pace)
        show.phase("ending")
        self._conductor.end()
        self._children.wait(self._names)
        self._conductor.settle()
        self._children.stop([_COORDINATOR, _DASHBOARD])
        return self._alerts.finish() if self._alerts is not None else ""

    def serve_dashboard(self) -> str:
        """Serves the page of the portfolio; returns its address. Raises Failure where it does not come."""
        self._children.start(_DASHBOARD, ["dashboard", "--port", "0", *self._target_options])
        log, deadline = self._children.log_of(_DASHBOARD), time.monotonic() + _CATCH_UP_SECONDS
        while time.monotonic() < deadline:
            self._children.check()
            if found := _ADDRESS.search(log.read_text(errors="replace")):
                return found.group()
            time.sleep(_LOOK_SECONDS)
        raise Failure(f"The dashboard did not start in time; see {log}")

    @property
    def _target_options(self) -> list[str]:
        return ["--config", str(self.folder), "--url", self._url]

    def _start(self) -> None:
        target_options = self._target_options
        self._children.start(_COORDINATOR, ["coordinator", "--clock", "driven", *target_options])
        for name, worker in zip(self._names, self._workers, strict=True):
            words = ["worker", worker.key, "--bars", worker.feed.kind, "--book", str(worker.book)]
            self._children.start(name, [*words, *target_options])


class _Show(Protocol):
    """A way to show a demo: `screen.Screen` or `plain.Plain`."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def offer(self, page: str) -> None: ...
    def phase(self, text: str) -> None: ...
    def stepped(self, steps: int, /) -> float: ...


def _show(console: Console, watch: Watch, market: DemoMarket) -> _Show:
    if console.is_terminal and not console.is_dumb_terminal:
        return Screen(console, watch, market)
    return Plain(console, watch, market)


@dataclass(frozen=True)
class _LastPage:
    all_holds: bool
    lines: list[str]


def _last_page(stage: _Stage, server: EmbeddedServer, kept_pid: int | None) -> _LastPage:
    totals = LogTotals()
    began = time.monotonic()
    replayed = verify(LiveRecord(stage.bus), observe=totals.see)
    held = checks(totals, replayed, time.monotonic() - began)
    lines = [
        "",
        *totals_lines(totals),
        "",
        *(f"{'ok  ' if check.holds else 'FAIL'} {check.text}" for check in held),
        "",
        *looking_lines(
            stage.bus.keys,
            stage.folder,
            stage.book,
            port=server.port,
            credentials=server.users.file,
            kept_pid=kept_pid,
            since=totals.stops[0].decision if totals.stops else "-",
        ),
    ]
    return _LastPage(all(check.holds for check in held), lines)
