"""Does the market's data come: somebody feeds it, nothing is wrong with it, and each price is one of now."""

from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.doctor.server_checks import CLOCKS_DIFFER_MS
from portfold.events.market import is_trouble
from portfold.exchange_time import span

_BUS = "bus"  # the feed of workers that read what another process subscribes to
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


def _shown(age_ms: int) -> str:
    return span(max(0, age_ms))


CHECKS = (market, prices)
