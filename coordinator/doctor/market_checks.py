"""Does the market's data come: somebody feeds it, nothing is wrong with it, each price is one of now, and no
contract that is followed is about to end.
"""

from datetime import date
from zoneinfo import ZoneInfo

from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.doctor.server_checks import CLOCKS_DIFFER_MS
from portfold.events.market import is_trouble
from portfold.events.wire.market import MarketSeen
from portfold.exchange_time import local_time, span

_BUS = "bus"  # the feed of workers that read what another process subscribes to
_SOON_DAYS = 7
_NONE = "runtime.json names none: each worker has a feed of its own"


def market(facts: Facts) -> Finding:
    """Checks that a feed is alive, where one is configured, and what it says is wrong."""
    runtime, seen = facts.configuration.runtime, facts.market
    is_needed = runtime.feed.kind == _BUS
    if runtime.market is None:
        if not is_needed:
            return ok("market", _NONE)
        text = "workers read bars off the bus, and runtime.json names nothing that is fed to it"
        return fail("market", text, "name it in runtime.json: market; then: portfold feed")
    if not seen.holder:
        refused = seen.notices.get("refused", "")
        text = f"nobody feeds the bus: {refused or 'no bar comes, and no position is marked between bars'}"
        return (fail if is_needed else warn)("market", text, "portfold feed")
    wrong = [sentence for subject, sentence in sorted(seen.notices.items()) if is_trouble(subject)]
    if wrong:
        return warn("market", " ".join(wrong), "see the feed's log")
    return ok("market", f"fed by {runtime.market.source}, for {len(runtime.market.symbols)} symbols")


def prices(facts: Facts) -> Finding:
    """Checks that each symbol's last price is young enough to mark a position at, and of no time to come."""
    configured, seen = facts.configuration.runtime.market, facts.market
    if configured is None:
        return ok("prices", _NONE)
    stale_ms = configured.price_stale_seconds * 1000
    ages = {
        symbol: seen.now_ms - seen.prices[symbol].at_ms if symbol in seen.prices else None
        for symbol in configured.symbols
    }
    old = [symbol for symbol, age_ms in ages.items() if age_ms is None or age_ms > stale_ms]
    text = ", ".join(f"{symbol} {'none' if age is None else _shown(age)}" for symbol, age in ages.items())
    ahead_ms = -min((age for age in ages.values() if age is not None), default=0)
    if ahead_ms > CLOCKS_DIFFER_MS:
        early = (
            f"prices are up to {span(ahead_ms)} ahead of the server's clock, so an old one may pass as new"
        )
        return warn("prices", early, "put the server's clock right (NTP), or that of the source")
    if not old:
        return ok("prices", f"their ages: {text}")
    remedy = "nothing, where its session is closed; else look at the feed's log"
    return warn("prices", f"too old to mark at: {', '.join(old)}; their ages: {text}", remedy)


def months(facts: Facts) -> Finding:
    """Checks that no contract that is followed ends within days, as far as their source says when."""
    configured, seen = facts.configuration.runtime.market, facts.market
    if configured is None:
        return ok("months", _NONE)
    today = local_time(seen.now_ms, ZoneInfo(facts.configuration.runtime.trading_day.zone)).date()
    left = {symbol: _days_left(symbol, seen, today) for symbol in configured.symbols}
    over = [symbol for symbol, days in left.items() if days is not None and days < 0]
    soon = [symbol for symbol, days in left.items() if days is not None and 0 <= days <= _SOON_DAYS]
    text = ", ".join(_month(symbol, seen, days) for symbol, days in left.items())
    if over:
        remedy = (
            "name the next month, market.symbols, and start the feed again; close what is held in the old"
        )
        return fail("months", f"over: {', '.join(over)}; {text}", remedy)
    if soon:
        remedy = "close what is held in it, or let it roll; where market.symbols names a month, name the next"
        return warn("months", f"about to end: {', '.join(soon)}; {text}", remedy)
    return ok("months", text)


def _days_left(symbol: str, seen: MarketSeen, today: date) -> int | None:
    """Returns how many days are left of its contract; None where nobody says."""
    listed = seen.contracts.get(symbol)
    if listed is None or listed.contract != _contract(symbol, seen):
        return None
    try:
        return (date.fromisoformat(listed.last_day) - today).days
    except ValueError:  # no day of the calendar: somebody else has written it
        return None


def _contract(symbol: str, seen: MarketSeen) -> str:
    """Returns the contract of its last price, or the one that was listed where no price has one."""
    priced = seen.prices[symbol].contract if symbol in seen.prices else ""
    return priced or (seen.contracts[symbol].contract if symbol in seen.contracts else "")


def _month(symbol: str, seen: MarketSeen, days: int | None) -> str:
    contract = _contract(symbol, seen)
    if not contract:
        return f"{symbol} of no known month"
    if days is None:
        return f"{symbol} {contract}, whose last day is not known"
    return f"{symbol} {contract} until {seen.contracts[symbol].last_day}"


def _shown(age_ms: int) -> str:
    return span(max(0, age_ms))


CHECKS = (market, prices, months)
