"""`portfold run`: the whole portfolio, one supervised process for each symbol."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from cyclopts import App

from portfold.cli.run.joining import Beside, check_names_free, join_there
from portfold.cli.run.leash import leashed
from portfold.cli.run.trading import BarsGiven, Money
from portfold.cli.symbols import Symbols, symbols_in
from portfold.cli.target import ResolvedTarget, Target
from portfold.cli.typed import typing_here
from portfold.events.roles.server_roles import AUDITOR, FLATTENER
from portfold.remedies import settle

if TYPE_CHECKING:
    from threading import Event

    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.log import Log
    from portfold.workers.run.live_plan import LiveRun
    from portfold.workers.run.supervisor import SupervisedChild

_OWN_SERVER_ENDS = "Start portfold server in another terminal first. "
_TARGET = Target()
_BESIDE = Beside()
_BARS = BarsGiven()
_MONEY = Money()


def register(app: App) -> None:
    """Adds the command."""
    app.command(run)


def run(
    *,
    symbols: Symbols = (),
    book: Path | None = None,
    embedded: bool = False,
    given: BarsGiven = _BARS,
    money: Money = _MONEY,
    beside: Beside = _BESIDE,
    target: Target = _TARGET,
) -> int:
    """Trade the optimized symbols, each worker in a process of its own, and a flattener.

    Where runtime.json names an account, a process watches that too, and where
    it names a market, one feeds it. With --live, which wants --account, that is
    compared with the log first, and nothing starts where they differ.
    Prints its plan first. On a terminal it then shows the status and what
    happens, and keeps what the processes say in a file. A process that fails is started again and goes on
    where it was; one that keeps failing is given up, with a critical line in
    the log. Ends, with all its processes, when every bar is traded and nothing
    is open, or by SIGTERM or Ctrl-C.
    The coordinator is another command, unless --embedded is given.

    For example:

        portfold run --paper --embedded --bars my-bars --pace 0.1

    Parameters
    ----------
    symbols
        Which symbols, as ES,CL; by default all that are optimized and have bars.
    book
        The broker's file; by default in ~/.local/state/portfold.
    embedded
        Start a server and a coordinator too; both end with this command, and the log is kept.
    """
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from portfold.cli.exits import FAILED
    from portfold.cli.folders import default_book, state_folder
    from portfold.cli.run.embedded import check_embedded
    from portfold.cli.run.embedded import embedded as embedded_server
    from portfold.cli.run.screen import lines_of_run, live_screen
    from portfold.cli.stopping import stopped_by_signals
    from portfold.log import open_log
    from portfold.workers.brokers.registry import is_paper
    from portfold.workers.run.live_plan import announce, settle
    from portfold.workers.run.supervisor import Supervisor

    place = target.resolve(None)
    feed = given.feed(place.configuration)
    wanted = tuple(dict.fromkeys(symbols_in(symbols)))
    settled = settle(place.configuration, **vars(money), feed=feed, wanted=wanted)
    if embedded:
        check_embedded(place, target)
    passed_on = ["--join", *(["--take-over"] if beside.take_over else [])]
    passed_on += _given(vars(given))
    with ExitStack() as along:
        seen = along.enter_context(lines_of_run(state_folder()))
        said = seen.file if seen is not None else None
        log, lines = open_log("run", target=cast("TextIO", seen), for_here=typing_here(), zone=place.zone)
        along.callback(lines.close)
        with (
            stopped_by_signals() as stop,
            TemporaryDirectory(prefix="portfold-run-") as folder,
            ExitStack() as beside_us,
        ):
            if embedded:
                words = _where(place, target)
                server = embedded_server(place, words, log, stop.event, said)
                place = beside_us.enter_context(server)
            resolved = place.under(AUDITOR)
            kind = settled.configuration.runtime.broker.kind
            file = (book or default_book(place.under(FLATTENER), kind)).absolute()  # it names a new log
            own = [settled.configuration.runtime.worker_name(key) for key in settled.workers]
            join_there(resolved, settled.symbols, own, log, join=beside.join)
            if not beside.take_over:
                check_names_free(resolved, own, stop.event)
            announce(settled, log)
            _look_first(settled, resolved, file, log, stop.event)
            children = list(_children(settled, place, target, file, Path(folder), passed_on))
            # On paper nobody can close what a worker holds when its bars end, and it costs nothing.
            needed = partial(_still_open, resolved, own if is_paper(settled.configuration) else [])
            before = _seen(resolved)
            with live_screen(seen, resolved):
                given_up = Supervisor(children, log=log, needed=needed, said=said).run(stop.event)
            came = _came_to(before, _seen(resolved))
            _log_the_end(_still_open(resolved), given_up, log, came, stopped=stop.event.is_set())
            _say_what_denies(resolved, log, _OWN_SERVER_ENDS if embedded else "")
    return FAILED if given_up and not stop.exit_code else stop.exit_code


def _say_what_denies(resolved: ResolvedTarget, log: "Log", beforehand: str) -> None:
    """Logs what denies entries as the run ends, where that can be read."""
    from contextlib import closing, suppress
    from zoneinfo import ZoneInfo

    from portfold.events.wire.errors import BusError
    from portfold.workers.run.denied import log_what_denies

    zone = ZoneInfo(resolved.configuration.runtime.trading_day.zone)
    with closing(resolved.bus()) as bus, suppress(BusError):
        log_what_denies(bus, zone, log, beforehand=beforehand)


def _look_first(settled: "LiveRun", resolved: ResolvedTarget, book: Path, log: "Log", stop: "Event") -> None:
    """Logs what differs from the log and what denies entries. Raises NotAsTheLog for an account that does not
    add up, where money is at stake.
    """
    import os
    from contextlib import closing
    from zoneinfo import ZoneInfo

    from portfold.workers.account.before_orders import check_account
    from portfold.workers.run.denied import log_what_denies, wait_for_decisions
    from portfold.workers.run.live_plan import compare_with_log

    with closing(resolved.bus()) as bus:
        wait_for_decisions(bus, stop)
        compare_with_log(settled, bus, log)
        if not settled.paper:
            traded, named = settled.configuration, settled.account
            check_account(traded, bus, book, named=named, log=log, environ=os.environ, stop=stop)
        log_what_denies(bus, ZoneInfo(resolved.configuration.runtime.trading_day.zone), log)


def _seen(resolved: ResolvedTarget) -> "PortfolioView | None":
    """Returns the portfolio as its coordinator left it; None where that is not to be had."""
    from contextlib import closing

    from portfold.coordinator.views.view_field import view_in
    from portfold.events.wire.errors import BusError

    try:
        with closing(resolved.bus()) as bus:
            return view_in(bus.status())
    except BusError:
        return None


def _came_to(before: "PortfolioView | None", after: "PortfolioView | None") -> dict[str, object]:
    """Says what was closed meanwhile and what the trading day stands at, and where to look at all of it."""
    from portfold.dollars import shown

    if after is None:
        return {}
    earlier = before.stats.total_exits if before is not None else 0
    closed = after.stats.total_exits - earlier
    return {"trades": closed, "day_pnl": shown(after.day.pnl), "see": "portfold audit day"}


def _log_the_end(
    left: str, given_up: Sequence[str], log: "Log", came: Mapping[str, object], *, stopped: bool
) -> None:
    how = "Stopped" if stopped else "All bars are traded"
    gone = {**came, **({"given_up": " ".join(given_up)} if given_up else {})}
    if left:
        remedy = (  # the run's own flattener has ended with it
            "start the run again; or, to stand by for it: portfold flattener; or close it at the broker, "
            f"and: {settle(size='0')}"
        )
        log.warning(how, still_open=left, what_to_do=remedy, **gone)
    else:
        log.info(how, still_open="nothing", **gone)


def _still_open(resolved: ResolvedTarget, but_for: Sequence[str] = ()) -> str:
    """Returns what is open, reserved or unsettled on the log, and what only the flattener's book holds.

    Empty where nothing is, `unknown` where the log cannot be read. The positions of the workers in `but_for`
    are left out; their slots are not: a worker that died a moment ago may have filled its slot.
    """
    from contextlib import closing

    from portfold.coordinator.views.portfolio_view import PortfolioView
    from portfold.coordinator.views.status import slots_in_words, unsettled_in_words
    from portfold.coordinator.views.view_field import view_in
    from portfold.events.wire.errors import BusError
    from portfold.quotes import entry_price

    try:
        with closing(resolved.bus()) as bus:
            view, unreported = view_in(bus.status()) or PortfolioView(), bus.book_exceeds()
    except BusError:
        return "unknown"
    positions = [position for position in view.positions if position.worker not in but_for]
    open_now = [
        f"{one.symbol} {one.side} {one.size}{entry_price(one.price)} by {one.worker} "
        f"({'no mark' if one.unmarked else f'{one.unrealized:+.2f}'})"
        for one in positions
    ]
    slots = slots_in_words((*view.reserved, *view.taken_back))
    joined = {"": ", ".join(open_now), "slots: ": ", ".join(slots)}
    joined |= {"unsettled: ": ", ".join(unsettled_in_words(view.unsettled)), "not on the log: ": unreported}
    return "; ".join(f"{title}{text}" for title, text in joined.items() if text)


def _children(
    settled: "LiveRun",
    resolved: ResolvedTarget,
    target: Target,
    book: Path,
    folder: Path,
    passed_on: Sequence[str],
) -> "Iterator[SupervisedChild]":
    """Yields the processes. The server's address, which may hold a password, goes by the environment."""
    from portfold.cli.exits import UNUSABLE
    from portfold.workers.market.registry import REPLAYED
    from portfold.workers.run.supervisor import SupervisedChild

    start = leashed()
    where = [*_where(resolved, target), "--book", str(book)]
    money = ["--paper"] if settled.paper else ["--account", settled.account]
    variables = {"PORTFOLD_URL": resolved.url}
    if settled.market is not None:
        yield SupervisedChild(
            "feed",
            [*start, "feed", *_where(resolved, target)],
            variables,
            stands_by=True,
            may_end=settled.market.source in REPLAYED,
            hopeless=UNUSABLE,
        )
    yield SupervisedChild(
        "flattener", [*start, "flattener", *where, *money], variables, stands_by=True, hopeless=UNUSABLE
    )
    if _is_watched(settled, resolved):
        yield SupervisedChild(
            "account",
            [*start, "account", *where],
            variables,
            stands_by=True,
            hopeless=UNUSABLE,
        )
    passed_on = [*money, *passed_on, *([] if settled.paper else ["--live"])]
    for key in settled.workers:
        own = ["--progress", str(folder / f"{key.replace(':', '.')}.json")]
        yield SupervisedChild(
            key, [*start, "worker", key, *where, *passed_on, *own], variables, hopeless=UNUSABLE
        )


def _is_watched(settled: "LiveRun", resolved: ResolvedTarget) -> bool:
    """Returns whether the account is that of the broker that is traded, and not only named beside it."""
    traded, named = settled.configuration.runtime.broker.kind, resolved.configuration.runtime.broker.kind
    return resolved.configuration.runtime.account is not None and traded == named


def _where(resolved: ResolvedTarget, target: Target) -> list[str]:
    """Returns the options for portfolio and configuration, without the server's address."""
    configured = ["--config", str(Path(target.config).absolute())] if target.config else []
    return ["--portfolio", resolved.portfolio, *configured]


def _given(options: Mapping[str, object]) -> list[str]:
    """Returns the options that were given, as words of a command line."""
    words = []
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    return words
