"""Is everybody there: a leader, a standby, a worker for every symbol, the flattener; and may they trade."""

from zoneinfo import ZoneInfo

from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.views.headlines import EVIDENCE, SLOW_MS, headlines
from portfold.coordinator.views.overview import Overview
from portfold.exchange_time import span
from portfold.remedies import flattener_with, settle

_NOT_FIT = {"flattening", "flat_unconfirmed", "no_limits", "unmanaged"}
_SAID_ELSEWHERE = {"trading", "evidence", "not_led", "not_deciding", "log_incomplete", "server_fails"}
_SAID_ELSEWHERE |= {"not_on_the_log", "wrong_book", "no_feed", "feed_troubled"}
_SAID_ELSEWHERE |= {"without_stop", "account_differs", "symbol_differs", "account_silent"}


def leader(facts: Facts) -> Finding:
    """Checks that somebody leads, and decides."""
    seen = facts.overview
    if seen is None:
        return fail("leader", "no coordinator has ever run for this portfolio", "portfold coordinator")
    backlog = seen.backlog
    if seen.evidence:
        return fail(
            "leader", f"none: {EVIDENCE.text}", "trade on another server, or under another --portfolio"
        )
    if not seen.leader:
        if seen.deaf:
            text = f"nobody can lead: the log's last ID, {seen.last_event}, leaves no room for answers"
            return fail("leader", text, "restore the log as it was, or start another portfolio")
        waiting = f"; undecided events: {backlog.events:,}" if backlog.events else ""
        return fail("leader", f"nobody leads: no entry is answered{waiting}", "portfold coordinator")
    if backlog.oldest_ms is not None and backlog.oldest_ms > SLOW_MS:
        text = f"{seen.leader} leads, but an event has waited {span(backlog.oldest_ms)} for its decision"
        return fail("leader", text, "look at its log; stop it, and a standby takes over")
    return ok("leader", seen.leader)


def standby(facts: Facts) -> Finding:
    """Checks that somebody takes over when the leader dies."""
    found = facts.overview.standby if facts.overview else ""
    if found:
        return ok("standby", found)
    text = "none: when the leader dies, no entry is answered until somebody starts one"
    return warn("standby", text, "once more, best on another machine: portfold coordinator")


def workers(facts: Facts) -> Finding:
    """Checks that a living worker trades every symbol of the portfolio."""
    seen = facts.overview
    if seen is None:
        return warn("workers", "not known without a coordinator", "portfold coordinator")
    if not seen.missing:
        return ok("workers", f"{sum(one.lives for one in seen.workers)} alive, one for every symbol")
    lost = [line for symbol in seen.missing if (line := _what_became_of(symbol, seen))]
    never = [symbol for symbol in seen.missing if not _what_became_of(symbol, seen)]
    text = "; ".join(
        [*lost, *([f"no worker ever announced {', '.join(never)}"] if never else [])],
    )
    remedy = f"start {'it' if len(seen.missing) == 1 else 'them'}, such as: portfold worker {seen.missing[0]}"
    if never and not lost and seen.reticent:
        return warn("workers", f"{text}; {', '.join(seen.reticent)}: alive, not said what they trade", remedy)
    return fail("workers", text, remedy)


def flattener(facts: Facts) -> Finding:
    """Checks that a flattener would close what a dead worker leaves open, and has its book.

    Reports first what its book holds and the log does not: no limit counts that, whoever is alive.
    """
    seen = facts.overview
    if seen is not None and seen.book_exceeds:
        text = f"its broker's book holds {seen.book_exceeds}, and the log does not: no limit counts it"
        remedy = f"look at the broker; let its worker start and tell; or, of what is open there: {settle()}"
        return fail("flattener", text, remedy)
    if seen is not None and seen.flattener_alive:
        if not seen.book_lacks:
            return ok("flattener", "alive")
        text = f"it cannot close {seen.book_lacks}: not in its broker's book, which may be another one"
        book = facts.configuration.runtime.book
        named = "" if book else " (their logs name it as they start)"
        remedy = (
            f"end it, and start one with the workers' book{named}: {flattener_with(book)}; or, where it is "
            f"closed at the broker: {settle(size='0')}"
        )
        return fail("flattener", text, remedy)
    text = "none is alive: at a stop, nobody closes the positions of a worker that died"
    return warn("flattener", text, "portfold flattener")


def protective_stops(facts: Facts) -> Finding:
    """Checks that each position that is to have a stop at the broker has one, as the flattener knows."""
    name, seen = "protective stops", facts.overview
    if seen is not None and seen.without_stop:
        text = f"none rests at the broker beside {seen.without_stop}"
        return fail(name, text, "its worker's log says why; place one at the broker, or close it there")
    if facts.configuration.runtime.protective_stop is None:
        return ok(name, "none are configured")
    if seen is None or not seen.flattener_alive:
        return warn(name, "not known without a flattener", "portfold flattener")
    return ok(name, "none lacks")


def notifier(facts: Facts) -> Finding:
    """Checks that somebody sends the alerts."""
    silent = [name for name, who in facts.notifiers.items() if who is None]
    if not silent:
        return ok("notifier", f"alive, tells {', '.join(facts.notifiers)}")
    if len(silent) == len(facts.notifiers):
        return warn("notifier", "none is alive: nobody is alerted of a stop", "portfold notifier")
    return warn("notifier", f"nobody sends alerts to {', '.join(silent)}", "portfold notifier")


def trading(facts: Facts) -> Finding:
    """Checks whether an entry would be allowed now, as far as the portfolio itself is concerned."""
    if facts.overview is None:
        return warn("trading", "not known without a coordinator", "portfold coordinator")
    zone = ZoneInfo(facts.configuration.runtime.trading_day.zone)
    shown = [headline for headline in headlines(facts.overview, zone) if headline.code not in _SAID_ELSEWHERE]
    if not shown:
        return ok("trading", "not stopped, not halted")
    text = "; ".join(f"{headline.title.lower()}: {headline.text}" for headline in shown)
    remedy = "; ".join(filter(None, (headline.remedy for headline in shown))) or "see: portfold status"
    if any(headline.code in _NOT_FIT for headline in shown):
        return fail("trading", text, remedy)
    return warn("trading", text, remedy)


_BECAME = {"stopped": "has stopped", "lost": "is lost", "retired": "was retired"}


def _what_became_of(symbol: str, seen: Overview) -> str:
    """Names the worker that traded it last, and how that went; empty where there never was one."""
    one = seen.last_of(symbol)
    if one is None:
        return ""
    became = _BECAME.get(one.presence, "gives no sign of life")
    held = [held.symbol for held in seen.view.positions if held.worker == one.worker]
    holds = f", and holds {', '.join(held)}" if held else ""
    return f"{one.worker}, for {symbol}, {became}{holds}"


CHECKS = (leader, standby, workers, flattener, protective_stops, notifier, trading)
