"""Who dies with -9 in the course of a day, and what shows that somebody has taken over."""

import os
import signal
from collections.abc import Sequence
from functools import partial

from tests.fakes.tws.orders import Order
from tests.live_day.day import Day, require
from tests.live_day.office import PROTECTIVE_STOP
from tests.processes import is_gone
from tests.waiting import until

_BEYOND_DOLLARS = 50
_TICKS_TO_REST = 2
_SERVICES = {"account": "Account watched", "flattener": "Flattener ready"}


def leader(day: Day) -> str:
    """The coordinator that leads: the standby leads, and decides all there is."""
    office = day.office
    dead = office.leader()
    day.office.kill(dead.pid)
    day.until(lambda: office.bus.leader() and office.leader() is not dead, "the standby to lead")
    day.until(day.decided, "the new leader to decide all")
    office.replace_the_dead()
    return f"{office.leader().name} leads after {dead.name}"


def standby(day: Day) -> str:
    """The coordinator that stands by: another does."""
    office = day.office
    leads = office.leader()
    dead = next(each for each in office.coordinators if each is not leads)
    day.office.kill(dead.pid)
    office.replace_the_dead()
    new = next(each for each in office.coordinators if each is not leads)
    day.until(lambda: f".{new.pid}." in (office.bus.standby() or ""), "somebody to stand by")
    require(office.leader() is leads, "somebody else leads since")
    return f"{new.name} stands by after {dead.name}"


def server(day: Day) -> str:
    """The server of the log: it is back with all it has acknowledged, and everybody goes on."""
    office, before = day.office, day.office.bus.last_event()
    office.server.kill()
    office.server.restart()
    day.until(lambda: office.bus.last_event() > before, "somebody to write on the log again")
    day.until(lambda: office.bus.leader() and day.decided(), "all to be decided")
    day.until(lambda: office.bus.market().holder, "somebody to feed")
    return "its log goes on where it was"


def feed(day: Day) -> str:
    """The feed that feeds, in the middle of a minute: the one that stands by goes on with it."""
    office, dead = day.office, day.office.feeding()
    day.tick()
    day.office.kill(dead)
    day.tick()
    day.until(lambda: office.feeding() not in (0, dead), "the other to feed")
    now = office.feeding()
    office.replace_the_dead()
    return f"process {now} feeds after {dead}"


def standby_feed(day: Day) -> str:
    """The feed that stands by: another does."""
    office, feeds = day.office, day.office.feeding()
    dead, since = next(each for each in _feeds(day) if each != feeds), len(day.run.lines)
    day.until(lambda: _stands_by(day, dead), "the one that died before to stand by again")
    day.office.kill(dead)
    office.replace_the_dead()

    def is_back() -> bool:
        others = [each for each in _feeds(day) if each not in (feeds, dead)]
        return bool(others) and _stands_by(day, others[0], since)

    day.until(is_back, "another to stand by")
    require(office.feeding() == feeds, "somebody else feeds since")
    return f"another stands by after {dead}"


def _feeds(day: Day) -> tuple[int, int]:
    return day.office.feeds[0].pid, day.office.child("feed")


def _stands_by(day: Day, process: int, since: int = 0) -> bool:
    own = day.office.feeds[0]
    said = own.said("Standing by") if process == own.pid else day.run.said("Standing by: the feed", since)
    return bool(said)


def _service(day: Day, name: str) -> str:
    office, since = day.office, len(day.run.lines)
    dead, reports = office.child(name), len(office.live.said("AccountReported"))
    day.office.kill(dead)
    day.until(lambda: day.run.said(_SERVICES[name], since), f"another {name} to be at work")
    require(office.child(name) != dead, f"no other {name} was started")
    day.until(lambda: len(office.live.said("AccountReported")) > reports, "the account to be reported")
    return f"process {office.child(name)} after {dead}"


watcher = partial(_service, name="account")
flattener = partial(_service, name="flattener")


def worker_over_an_order(day: Day) -> str:
    """A worker whose entry is at the exchange; the order is filled before it is back, which then holds it."""
    venue, order = day.venue, day.entry_at_work()
    symbol = venue.symbol_of(order)
    dead = day.office.child(symbol)
    day.office.kill(dead)
    require(venue.fill(order), "the order was over before its worker died")
    venue.exchange.fills = "at once"
    day.until(lambda: day.office.child(symbol) != dead, f"another worker of {symbol}")
    day.until(lambda: venue.held(symbol) and day.agree(symbol), f"the log to know what {symbol} got")
    return f"{order.filled} {symbol} filled for a dead worker, and taken over by its next life"


def worker_beside_its_stop(day: Day) -> str:
    """A worker that holds something: its stop at the broker is hit, and its next life says so."""
    symbol = _beside_its_stop(day)
    dead = day.office.child(symbol)
    day.office.kill(dead)
    stop = _hit(day, symbol)
    day.until(lambda: day.office.child(symbol) != dead, f"another worker of {symbol}")
    day.until(lambda: day.agree(symbol), f"the log to know that {symbol} was stopped out")
    closed = [one for one in day.office.live.said("PositionClosed") if one["reason"] == "protective stop"]
    require([one["symbol"] for one in closed] == [symbol], f"reported as stopped out is {closed}")
    return f"{stop.filled} {symbol} stopped out by the order that rested, {closed[0]['pnl']} dollars"


def _hit(day: Day, symbol: str) -> Order:
    """Has the market run through the stop that rests in a symbol. Returns that order."""
    venue, market = day.venue, day.venue.market
    (stop,) = venue.resting(symbol)
    market.run(symbol, venue.against(symbol, PROTECTIVE_STOP + _BEYOND_DOLLARS))
    venue.tick()
    market.run_free()
    require(stop.status == "Filled", f"the stop in {symbol} is {stop.status}")
    require(not venue.held(symbol), f"{symbol} is still held")
    return stop


def _beside_its_stop(day: Day) -> str:
    """Waits, within a minute, until something is held with a stop of its size. Returns its symbol."""
    venue, found = day.venue, list[str]()

    def look() -> bool:
        found[:] = [
            symbol
            for symbol in venue.held_symbols()
            if sum(order.size for order in venue.resting(symbol)) == abs(venue.held(symbol))
        ]
        return bool(found)

    day.until_held(1)
    for _ in range(_TICKS_TO_REST):  # what the last bar led to is done by then
        day.tick()
    day.until(look, "a stop beside something that is held")
    return found[0]


def all_workers(day: Day) -> str:
    """All workers at once, with what they hold: each is back and holds it."""
    office, held = day.office, day.venue.held_symbols()
    sessions = _sessions(day)
    _kill_all([office.child(symbol) for symbol in office.symbols])

    def are_back() -> bool:
        now = _sessions(day)
        return all(now[name] != sessions[name] for name in sessions)

    day.until(are_back, "all workers to be announced again")
    office.until_all_at_work()
    day.until(day.agree, "log and account to agree")
    return f"{len(sessions)} workers, with {len(held)} positions"


def whole_run(day: Day) -> str:
    """`portfold run`: none of its children outlives it. Then a stop is hit, with nobody there: whoever starts
    it again is told of that, and it begins where it was.
    """
    office, symbol = day.office, _beside_its_stop(day)
    children = [office.child(name) for name in (*office.symbols, *_SERVICES, "feed")]
    office.kill(day.run.pid)
    day.until(lambda: all(map(is_gone, children)), "its children to end")
    stop = _hit(day, symbol)
    office.start_run()
    office.until_all_at_work()
    day.until(day.agree, "log and account to agree")
    return f"{len(children)} processes ended and began again; {stop.filled} {symbol} stopped out meanwhile"


def _sessions(day: Day) -> dict[str, str]:
    day.office.look()
    known = day.office.live.state.workers
    return {name: known[name].session for name in (f"ibs-{symbol}" for symbol in day.office.symbols)}


def _kill_all(processes: Sequence[int]) -> None:
    for each in processes:
        os.kill(each, signal.SIGKILL)
    until(lambda: all(map(is_gone, processes)), "their end", every=0.05)
