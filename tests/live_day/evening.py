"""The end of a day: all is at rest, everybody ends, and account, books and log are laid side by side."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.market import read_step
from portfold.events.stream_id import ORIGIN
from portfold.workers.brokers.ibkr.order_records import open_records
from tests.cli.command_line import portfold
from tests.kills import checks as of_the_log
from tests.live import flat
from tests.live_day import checks
from tests.live_day.day import Day, DidNotHappen
from tests.live_day.office import MAX_CONTRACTS, MAX_POSITIONS, PORTFOLIO
from tests.waiting import PATIENCE_SECONDS

_MOST = 100_000


class Counted(NamedTuple):
    """What a day came to."""

    events: int
    allowed: int
    denied: int
    orders: int
    executions: int
    made: Decimal


def at_rest(day: Day) -> list[str]:
    """Waits until nothing is open or in doubt anywhere; what still is."""
    state, exchange = day.office.live.state, day.venue.exchange

    def left() -> dict[str, object]:
        day.decided()
        book = open_records(day.office.book, PATIENCE_SECONDS)
        try:
            unreported, legs = book.read_unreported_exits(None), book.read_legs(None)
        finally:
            book.close()
        account = state.account
        open_now: dict[str, object] = {
            "held": day.venue.held_symbols(),
            "working": exchange.working(),
            "on the log": list(state.positions),
            "slots": [one for one in state.reservations.values() if not one.revoked],
            "unsettled": list(state.unsettled),
            "in the book": legs,
            "unreported": unreported,
            "differing": dict(account.differences) if account else "no account is watched",
            "silent": account.silent if account else True,
        }
        return {name: what for name, what in open_now.items() if what}

    try:
        day.until(lambda: not left(), "peace", seconds=PATIENCE_SECONDS)
    except DidNotHappen:
        return [f"at the end there is still {name}: {what}" for name, what in left().items()]
    return []


def counted(day: Day) -> Counted:
    """Counts what the day came to."""
    live, exchange = day.office.live, day.venue.exchange
    allowed, denied = (len(day.decisions(kind)) for kind in ("EntryAllowed", "EntryDenied"))
    return Counted(
        len(live.events()), allowed, denied, len(exchange.orders), len(exchange.executions), day.made()
    )


def does_not_hold(day: Day) -> list[str]:
    """Checks it all, once everybody has ended; the sentences for what does not hold."""
    office, exchange = day.office, day.venue.exchange
    contracts = load(str(PACKAGED), {}, office.folder).contracts
    booked, live = checks.read_orders(office.book), office.live
    live.agrees()
    log = of_the_log.read_log(office.bus)
    most = min(MAX_POSITIONS, len(office.symbols))
    all_checks: Sequence[Callable[[], list[str]]] = (
        partial(checks.sent_once, exchange.orders, booked),
        partial(checks.within_the_limits, exchange.executions, positions=most, contracts=MAX_CONTRACTS),
        partial(checks.none_without_leave, booked, len(day.decisions("EntryAllowed"))),
        partial(
            checks.same_money,
            the_account=day.made(),
            the_book=checks.money_of(booked, contracts),
            the_log=live.state.net,
            the_reports=_reported(day),
        ),
        partial(_bars, day),
        partial(_prices, day),
        partial(of_the_log.every_request_has_one_answer, log),
        partial(of_the_log.nothing_is_missed_or_doubted, log, office.bus.status()),
        partial(of_the_log.all_is_decided_again, office.bus),
        partial(_audit, day),
    )
    return [sentence for check in all_checks for sentence in check()]


def _reported(day: Day) -> Decimal:
    """What the closes that counted say they made."""
    rejected = {one["event"] for one in day.decisions("EventRejected")}
    closed = [entry for entry in day.office.live.events() if flat(entry).get("type") == "PositionClosed"]
    return sum((Decimal(flat(one)["pnl"]) for one in closed if str(one.id) not in rejected), Decimal(0))


def _bars(day: Day) -> list[str]:
    bus = day.office.bus
    entries = bus.published_after(bus.keys.bars, ORIGIN, count=_MOST, block_ms=1)
    return checks.bars_are_the_markets([read_step(entry.by_name) for entry in entries], day.venue.truth)


def _prices(day: Day) -> list[str]:
    """Last prices on the bus are those of the exchange."""
    _, found = day.office.bus.last_prices(day.office.symbols)
    wrong = []
    for symbol, future in day.venue.futures.items():
        there, here = day.venue.exchange.prices[future.listed.con_id], found.get(symbol)
        if here is None or here.price != there:
            wrong.append(f"{symbol} was last {there}, on the bus {here}")
    return wrong


def _audit(day: Day) -> list[str]:
    ran = portfold(
        "audit", "verify", "--url", day.office.server.url, "--portfolio", PORTFOLIO, cwd=day.office.folder
    )
    return [] if ran.code == 0 else [f"portfold audit verify ended with {ran.code}: {ran.out} {ran.err}"]
