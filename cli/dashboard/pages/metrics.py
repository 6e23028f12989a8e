"""Metrics for machines that watch: how each portfolio stands at this moment, in Prometheus' text form.

Guarantees: a portfolio whose server does not answer has `portfold_up` 0 and nothing else, never old figures.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.figures.alerts_waiting import AlertsStand, alerts_stand
from portfold.cli.dashboard.figures.counting import Counted, Histogram
from portfold.cli.dashboard.now import limit_rows
from portfold.cli.dashboard.site import Site
from portfold.coordinator.views.overview import Overview
from portfold.events.fields import readable
from portfold.events.wire.errors import BusError

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PORTFOLIO = ["portfolio"]
_KEPT_SECONDS = 1.0

Figure = tuple[str, str, float]
"""One number of a portfolio: its name, what it is, its value."""


def routes(site: Site) -> list[Route]:
    """Returns the routes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Portfolios(list(site.desks.values())))

    async def metrics(_request: Request) -> Response:
        return Response(await run_in_threadpool(generate_latest, registry), media_type=_TYPE)

    async def healthz(_request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    ready = Kept(lambda: [_is_led(desk) for desk in site.desks.values()], time.monotonic)

    async def readyz(_request: Request) -> Response:
        led = await run_in_threadpool(ready.read)
        text = "ok" if all(led) else f"{led.count(False)} of {len(led)} portfolios are not led"
        return Response(f"{text}\n", 200 if all(led) else 503, media_type="text/plain")

    return [Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]


class Kept:
    """What anybody may ask, read at most once a second, so that no stranger keeps the server busy."""

    def __init__(self, read: Callable[[], list[bool]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._found: list[bool] = []
        self._until = 0.0

    def read(self) -> list[bool]:
        """Returns it, a second old at most."""
        with self._lock:
            if self._clock() >= self._until:
                self._found = self._read()
                self._until = self._clock() + _KEPT_SECONDS
            return self._found


class Portfolios(Collector):
    """Reads every portfolio when it is asked."""

    def __init__(self, desks: list[Desk]) -> None:
        self._desks = desks

    def collect(self) -> Iterable[Metric]:
        """Yields all metrics of all portfolios."""
        up = Gauge("portfold_up", "Whether the portfolio's status can be read.", labels=_PORTFOLIO)
        found, timed = _Families(), _Histograms()
        for desk in self._desks:
            desk.counts.begin()
            alerts: list[AlertsStand] = []
            try:
                seen = desk.look.now()
                alerts = alerts_stand(desk.place)
            except BusError:
                seen = None
            up.add_metric([desk.portfolio], float(seen is not None))
            if seen is not None:
                _add(found, desk.portfolio, seen)
                _add_alerts(found, desk.portfolio, alerts, seen.now_ms)
                counted = desk.counts.read()
                _add_decisions(found, desk.portfolio, counted)
                timed.add(desk.portfolio, counted, driven=seen.view.clock == "driven")
        yield up
        yield from found
        yield from timed


def counts(seen: Overview) -> Iterator[Figure]:
    """Yields what only ever grows, since the portfolio began."""
    stats = seen.view.stats
    yield "entries_requested", "Entries asked for.", stats.total_entries_requested
    yield "entries_allowed", "Entries allowed.", stats.total_entries_allowed
    yield "entries_denied", "Entries denied.", stats.total_entries_blocked
    yield "exits", "Exits reported.", stats.total_exits
    yield "stops", "Daily stops.", stats.stop_loss_triggers


def figures(seen: Overview) -> Iterator[Figure]:
    """Yields what is one number of a portfolio."""
    view, backlog = seen.view, seen.backlog
    yield "trading", "Whether entries are allowed, as far as the log goes.", float(not view.denies_entries)
    yield "stopped", "Whether the daily stop is in force.", float(view.stop is not None)
    yield "halted", "Whether somebody has halted trading.", float(view.halt is not None)
    yield "locked_out", "Whether nobody may enter until a moment.", float(view.lockout is not None)
    yield "scopes_closed", "Workers, symbols and groups that are closed apart.", float(len(view.scopes))
    yield "limits_reached", "Limits that are reached and still in force.", float(len(view.locks))
    calendar = view.calendar
    yield "windows_open", "Windows that are open.", float(len(calendar.open) if calendar else 0)
    yield "flattening", "Whether positions are being flattened.", float(view.flatten is not None)
    yield "log_incomplete", "Whether the log does not add up.", float(bool(backlog.lost or view.tail_missing))
    yield "led", "Whether a coordinator leads.", float(bool(seen.leader))
    yield "standby", "Whether another stands by.", float(bool(seen.standby))
    yield "epoch", "Terms of leaders so far: each failover adds one.", float(view.epoch)
    yield "daily_pnl_dollars", "The trading day's P&L.", float(view.day.pnl)
    yield "realized_pnl_dollars", "What of it is realized.", float(view.day.realized)
    yield "stop_at_dollars", "The P&L at which everything is closed.", float(view.stop_at)
    yield "positions", "Open positions.", float(len(view.positions))
    yield "reservations", "Slots reserved.", float(len(view.reserved))
    yield (
        "unmanaged_positions",
        "Open positions whose owner gives no sign of life.",
        float(len(seen.unmanaged)),
    )
    yield (
        "stale_marks",
        "Open positions whose mark is old.",
        float(sum(one.mark_stale for one in view.positions)),
    )
    yield "undecided_events", "Events that wait for a decision.", float(backlog.events)
    yield "undecided_seconds", "How long the first of them waits.", (backlog.oldest_ms or 0) / 1000
    yield "workers_alive", "Workers that give signs of life.", float(sum(one.lives for one in seen.workers))
    yield "flattener_alive", "Whether a flattener does.", float(seen.flattener_alive)
    if view.account is not None:
        account = view.account
        age_ms = seen.now_ms - account.as_of_ms if account.as_of_ms else 0
        yield "account_age_seconds", "How old the account's report is.", max(0, age_ms) / 1000
        yield (
            "account_differences",
            "Where account and log differ beyond the grace.",
            float(len(account.differing)),
        )
        yield "account_equity_dollars", "The account's equity as reported.", float(account.equity)


class _Families:
    """The families of one answer, each made when its first figure comes."""

    def __init__(self) -> None:
        self._found: dict[str, Gauge | Counter] = {}

    def add(self, kind: type[Gauge | Counter], figure: Figure, labels: dict[str, str]) -> None:
        name, text, value = figure
        if name not in self._found:
            self._found[name] = kind(f"portfold_{name}", text, labels=list(labels))
        self._found[name].add_metric(list(labels.values()), value)

    def __iter__(self) -> Iterator[Metric]:
        yield from self._found.values()


def _add(found: _Families, portfolio: str, seen: Overview) -> None:
    of = {"portfolio": portfolio}
    for figure in figures(seen):
        found.add(Gauge, figure, of)
    for figure in counts(seen):
        found.add(Counter, figure, of)
    for row in limit_rows(seen.view):
        named = of | {"limit": row.name}
        found.add(Gauge, ("limit_used_ratio", "How much of a limit is used.", row.used), named)
        left = ("limit_left", "How far a limit is to go, in dollars or in pieces.", float(row.to_go))
        found.add(Gauge, left, named)
    for held in seen.view.positions:
        if held.marked_ms:
            leg = {"symbol": held.symbol, "side": held.side, "worker": held.worker}
            age = max(0, seen.now_ms - held.marked_ms) / 1000
            found.add(Gauge, ("mark_age_seconds", "How old an open position's mark is.", age), of | leg)
    for one in seen.workers:
        alive = ("worker_alive", "Whether the worker gives signs of life.", float(one.lives))
        found.add(Gauge, alive, of | {"worker": one.worker})


def _add_alerts(found: _Families, portfolio: str, alerts: list[AlertsStand], now_ms: int) -> None:
    for one in alerts:
        of = {"portfolio": portfolio, "destination": one.destination}
        age_ms = max(0, now_ms - one.first_ms) if one.first_ms is not None else 0
        found.add(Gauge, ("notifier_alive", "Whether a notifier serves the destination.", one.served), of)
        found.add(Gauge, ("alerts_pending", "Alerts that wait to be delivered.", one.waiting), of)
        found.add(Gauge, ("alerts_pending_seconds", "How long the first of them waits.", age_ms / 1000), of)
        found.add(Counter, ("alerts_failed", "Attempts to deliver that failed.", one.failed), of)


def _add_decisions(found: _Families, portfolio: str, counted: Counted) -> None:
    for (kind, code), count in sorted(counted.kinds.items()):
        of = {"portfolio": portfolio, "kind": readable(kind), "code": readable(code)}
        found.add(Counter, ("decisions", "Decisions since the first reading of metrics.", count), of)


class _Histograms:
    """The histograms of one answer."""

    def __init__(self) -> None:
        answered = "From a request to its answer, on the server's clock."
        flat = "From the order to close everything to the last close that was reported."
        self._answered = HistogramMetricFamily("portfold_answer_seconds", answered, labels=_PORTFOLIO)
        self._flat = HistogramMetricFamily("portfold_flatten_seconds", flat, labels=_PORTFOLIO)

    def add(self, portfolio: str, counted: Counted, *, driven: bool) -> None:
        """Adds those of a portfolio; where its clock is `driven` nobody knows how long an answer took."""
        if not driven:
            _add_histogram(self._answered, portfolio, counted.waits)
        _add_histogram(self._flat, portfolio, counted.flats)

    def __iter__(self) -> Iterator[Metric]:
        yield from (self._answered, self._flat)


def _add_histogram(family: HistogramMetricFamily, portfolio: str, counted: Histogram) -> None:
    family.add_metric([portfolio], buckets=counted.cumulated(), sum_value=counted.total)


def _is_led(desk: Desk) -> bool:
    """Returns whether somebody leads; anybody may ask that, so nothing more is said."""
    try:
        seen = desk.look.now()
    except BusError:
        return False
    return seen is not None and bool(seen.leader)
