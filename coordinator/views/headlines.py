"""The headlines: whether the portfolio may trade now, and everything that keeps it from trading.

Pure: from an overview to a few sentences, the worst first, each with its remedy where there is one.
"""

from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.money_state import DENIES_ALL
from portfold.coordinator.fold.rules.table import BY_A_PLAIN_RESUME, OUTLAST_RESUMES
from portfold.coordinator.views.account_view import difference_in_words
from portfold.coordinator.views.calendar_view import open_in_words
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition
from portfold.coordinator.views.rule_view import lock_in_words
from portfold.coordinator.views.status import tail_missing_text, unsettled_in_words
from portfold.events.account import EQUITY
from portfold.events.market import REFUSED, is_trouble
from portfold.events.wire.market import MarketSeen
from portfold.exchange_time import span, zoned_clock

Level = Literal["info", "warning", "critical"]

SLOW_MS = 5_000
"""An event that waits longer for its decision than this, though somebody leads, is worth a headline."""


class Headline(NamedTuple):
    """`code` is for machines, `title` is in capitals, `text` says why, `remedy` what to do, if anything."""

    code: str
    level: Level
    title: str
    text: str
    remedy: str = ""

    @property
    def with_remedy(self) -> str:
        """Returns both in one: why, and what to do."""
        return f"{self.text.rstrip('.')}. {self.remedy}" if self.remedy else self.text


TRADING = Headline("trading", "info", "TRADING", "")
EVIDENCE = Headline(
    "evidence",
    "warning",
    "EVIDENCE",
    "a record that was put here to look at, as it stood where it ends; nobody leads it, nor trades on it",
)
_LOOK = "See: portfold doctor"
_RECONCILE = "See: portfold reconcile"
_DENY_NOTHING = (
    "tier_reached",
    "symbol_window_open",
    "exchange_closed",
    "scope_closed",
    "flattening",
    "flat_unconfirmed",
    "symbol_differs",
    "unsettled",
    "not_on_the_log",
    "wrong_book",
    "without_stop",
    "less_than_expected",
    "no_feed",
    "feed_troubled",
)


def headlines(seen: Overview, zone: ZoneInfo) -> list[Headline]:
    """Returns the headlines that apply, or TRADING alone. Times are on the clocks of `zone`.

    Of evidence nothing is to be done: it says how things stood where the record ends.
    """
    if seen.evidence:
        stood = (*denying(seen.view, zone), *_flattening(seen), *_limits(seen), *_unsettled(seen))
        return [EVIDENCE, *(one._replace(remedy="") for one in stood)]
    found = [
        *_unmanaged(seen),
        *_nobody_decides(seen),
        *_log(seen),
        *_stopped(seen.view, zone),
        *_reached(seen.view),
        *_windows(seen.view, zone),
        *_flattening(seen),
        *_marks(seen.view),
        *_locked_out(seen.view, zone),
        *_halted(seen.view),
        *_exchange_closed(seen, zone),
        *_scopes(seen.view),
        *_limits(seen),
        *_account(seen.view, seen.now_ms),
        *_unsettled(seen),
        *_book(seen),
        *_feed(seen.market),
        *_less_than_expected(seen),
    ]
    denied = any(one.code not in _DENY_NOTHING for one in found)
    return found if denied else [TRADING, *found]


def denying(view: PortfolioView, zone: ZoneInfo) -> list[Headline]:
    """Returns the headlines of what denies every entry until a new day or a person lifts it."""
    return [*_stopped(view, zone), *_reached(view), *_locked_out(view, zone), *_halted(view)]


def _unmanaged(seen: Overview) -> list[Headline]:
    """Warns of open positions whose owner is dead: nobody watches them or sends an exit before a flatten."""
    left = [
        f"{position.symbol} {position.side} {position.size} of {position.worker} "
        f"({seen.became_of(position.worker)}{_held_for(position, seen.now_ms)})"
        for position in seen.unmanaged
    ]
    if not left:
        return []
    owners = dict.fromkeys(position.worker for position in seen.unmanaged)
    them = next(iter(owners)) if len(owners) == 1 else "them"
    way_out = f"Start {them} again, or: portfold flatten --by NAME --reason TEXT"
    return [Headline("unmanaged", "critical", "UNMANAGED", f"nobody watches {', '.join(left)}", way_out)]


def _held_for(one: ShownPosition, now_ms: int) -> str:
    return f", open for {span(max(0, now_ms - one.opened_ms))}"


def _nobody_decides(seen: Overview) -> list[Headline]:
    if not seen.leader:
        if seen.deaf:
            text = (
                "no entry is answered, no order has effect, and nobody can lead: the log's last ID, "
                f"{seen.last_event}, leaves no room for answers"
            )
            way_out = "Close what is open at the broker; restore the log, or start another portfolio"
            return [Headline("not_led", "critical", "NO COORDINATOR", text, way_out)]
        text = f"no entry is answered{f'; {_events(seen)} waiting' if seen.backlog.events else ''}"
        return [Headline("not_led", "critical", "NO COORDINATOR", text, "Start one: portfold coordinator")]
    oldest_ms = seen.backlog.oldest_ms
    if oldest_ms is not None and oldest_ms > SLOW_MS:
        text = f"{_events(seen)} waiting, the first for {span(oldest_ms)}"
        way_out = f"Look at the log of {seen.leader}"
        return [Headline("not_deciding", "critical", "NOTHING IS DECIDED", text, way_out)]
    return []


def _log(seen: Overview) -> list[Headline]:
    found = []
    if seen.backlog.lost:
        found.append(Headline("log_incomplete", "critical", "LOG INCOMPLETE", seen.backlog.lost, _LOOK))
    elif seen.view.tail_missing:
        lost = f"it lost its end ({tail_missing_text(seen.view.tail_missing)})"
        way_out = "Look what is open at the broker; then: portfold acknowledge --by NAME --reason TEXT"
        text = f"{lost}, so entries are denied"
        found.append(Headline("log_incomplete", "critical", "LOG INCOMPLETE", text, way_out))
    if seen.server.writes_fail:
        text = "the server fails to write to its disk"
        found.append(Headline("server_fails", "critical", "SERVER FAILS", text, _LOOK))
    return found


def _stopped(view: PortfolioView, zone: ZoneInfo) -> list[Headline]:
    stop, day_ends_ms = view.stop, view.day.ends_ms
    if stop is None:
        return []
    until = f"a new day begins {zoned_clock(day_ends_ms, zone)}" if day_ends_ms else "until a new day begins"
    text = f"since {zoned_clock(stop.ms, zone)}; {until}"
    return [Headline("stopped_out", "critical", "STOPPED OUT", text)]


def _reached(view: PortfolioView) -> list[Headline]:
    """Warns of limits of money that are latched, with what lifts them, if anything does."""
    found = []
    for lock in view.locks:
        if lock.action == "tell":
            continue
        denies = lock.action in DENIES_ALL
        lasts = lock.rule in OUTLAST_RESUMES
        force = "" if lock.rule in BY_A_PLAIN_RESUME and not lock.until_ms else " --force"
        way_out = "" if lasts else f"To lift it: portfold resume --by NAME --reason TEXT{force}"
        level: Level = "critical" if denies else "warning"
        code = "limit_reached" if denies else "tier_reached"
        found.append(Headline(code, level, "LIMIT REACHED", lock_in_words(lock), way_out))
    return found


def _windows(view: PortfolioView, zone: ZoneInfo) -> list[Headline]:
    """Warns of windows that are open: each denies entries, of all symbols or of some."""
    if view.calendar is None or not view.calendar.open:
        return []
    text = open_in_words(view.calendar.open, zone)
    code = "window_open" if view.calendar.denies_all else "symbol_window_open"
    return [Headline(code, "warning", "WINDOW OPEN", text)]


def _exchange_closed(seen: Overview, zone: ZoneInfo) -> list[Headline]:
    """Says until when the exchange is closed, where its sessions are published."""
    opens_ms = seen.view.calendar.closed_until(seen.now_ms) if seen.view.calendar is not None else None
    if opens_ms is None:
        return []
    return [Headline("exchange_closed", "info", "EXCHANGE CLOSED", f"until {zoned_clock(opens_ms, zone)}")]


def _marks(view: PortfolioView) -> list[Headline]:
    """Warns of positions whose marks deny every entry."""
    found = [
        f"{one.symbol} of {one.worker} {'jumped, unconfirmed' if one.mark_doubted else 'is stale'}"
        for one in view.marks_that_deny
    ]
    if not found:
        return []
    text = f"the mark of {', '.join(found)}: every entry is denied"
    return [Headline("marks_deny", "critical", "OPEN LOSS NOT KNOWN", text, _LOOK)]


def _flattening(seen: Overview) -> list[Headline]:
    flatten = seen.view.flatten
    if flatten is None:
        return []
    ahead_ms = flatten.deadline_ms - seen.now_ms
    due = f"due in {span(ahead_ms)}" if ahead_ms >= 0 else f"OVERDUE by {span(-ahead_ms)}"
    if not flatten.left:
        text = "all is reported closed; the account has not confirmed it yet"
        return [Headline("flat_unconfirmed", "critical", "NOT CONFIRMED FLAT", text, _RECONCILE)]
    left = ", ".join(f"{leg.symbol} {leg.side} {leg.size} ({leg.worker})" for leg in flatten.left)
    text = f"{due}; still to close: {left or 'nothing'}; cause: {flatten.cause}"
    return [Headline("flattening", "critical", "FLATTENING", text)]


def _locked_out(view: PortfolioView, zone: ZoneInfo) -> list[Headline]:
    lockout = view.lockout
    if lockout is None:
        return []
    until = zoned_clock(lockout.until_ms, zone)
    text = f"until {until}, by {lockout.by}: {lockout.reason}; nobody lifts it before"
    return [Headline("locked_out", "critical", "LOCKED OUT", text)]


def _halted(view: PortfolioView) -> list[Headline]:
    halt = view.halt
    if halt is None:
        return []
    way_out = "To lift it: portfold resume --by NAME --reason TEXT"
    return [Headline("halted", "critical", "HALTED", f"by {halt.by}: {halt.reason}", way_out)]


def _scopes(view: PortfolioView) -> list[Headline]:
    """Warns of each worker, symbol or group that is closed by itself."""
    found = []
    for one in view.scopes:
        sooner = " before then" if one.until_ms else ""
        way_out = f"To open it{sooner}: portfold resume {one.scope.option} --by NAME --reason TEXT"
        text = f"{one.scope}, no entries{' and flat' if one.flatten else ''}, by {one.by}: {one.reason}"
        found.append(Headline("scope_closed", "warning", "CLOSED", text, way_out))
    return found


def _limits(seen: Overview) -> list[Headline]:
    if seen.view.limits:
        return []
    return [Headline("no_limits", "critical", "NO LIMITS", "none are in force yet, so no entry is allowed")]


def _account(view: PortfolioView, now_ms: int) -> list[Headline]:
    """Warns where the account differs from the log, or is not reported."""
    account = view.account
    if account is None:
        return []
    found = []
    for one in account.differing:
        whole = one.subject == EQUITY
        denied = "every entry is" if whole else f"entries in {one.subject} are"
        since = span(max(0, now_ms - one.since_ms))
        text = f"{difference_in_words(one)}, for {since}: {denied} denied"
        code = "account_differs" if whole else "symbol_differs"
        found.append(Headline(code, "critical", "ACCOUNT DIFFERS", text, _RECONCILE))
    if account.silent or not account.as_of_ms:
        ago = f"for {span(max(0, now_ms - account.as_of_ms))}" if account.as_of_ms else "since it is watched"
        denied = ", and every entry is denied" if account.denies == "account_silent" else ""
        text = f"nothing was reported of {account.account} {ago}{denied}"
        level: Level = "critical" if denied else "warning"
        way_out = "Start: portfold account"
        found.append(Headline("account_silent", level, "ACCOUNT NOT REPORTED", text, way_out))
    return found


def _unsettled(seen: Overview) -> list[Headline]:
    unsettled = ", ".join(unsettled_in_words(seen.view.unsettled))
    if not unsettled:
        return []
    text = f"log and broker differ, or may: {unsettled}"
    return [Headline("unsettled", "warning", "UNSETTLED", text, "See: portfold settle --help")]


def _book(seen: Overview) -> list[Headline]:
    """Warns where the flattener's book and the log differ, and of what lacks its protective stop."""
    found = []
    if seen.book_exceeds:
        text = f"the broker's book holds {seen.book_exceeds}, and no limit counts it"
        found.append(Headline("not_on_the_log", "critical", "NOT ON THE LOG", text, _LOOK))
    if seen.book_lacks:
        text = f"the flattener could not close {seen.book_lacks}"
        found.append(Headline("wrong_book", "critical", "WRONG BOOK", text, _LOOK))
    if seen.without_stop:
        text = f"no protective stop rests at the broker beside {seen.without_stop}"
        found.append(Headline("without_stop", "critical", "WITHOUT ITS STOP", text, _LOOK))
    return found


def _less_than_expected(seen: Overview) -> list[Headline]:
    """Warns where a test says that the portfolio no longer makes what it was chosen for."""
    text, way_out = seen.less_than_expected, "See: portfold audit expected"
    return [Headline("less_than_expected", "warning", "LESS THAN EXPECTED", text, way_out)] if text else []


def _feed(market: MarketSeen | None) -> list[Headline]:
    """Warns where nobody feeds the market's data any more, or something is wrong with it."""
    if market is None or not market.fed_lately:
        return []
    if not market.holder:
        ages = [span(max(0, market.now_ms - last.at_ms)) for last in market.newest_price]
        text = market.notices.get(REFUSED) or "no bar comes, and no position is marked between bars"
        text += "".join(f"; the last price is {age} old" for age in ages)
        return [Headline("no_feed", "critical", "NO FEED", text, "Start: portfold feed")]
    wrong = [sentence for subject, sentence in sorted(market.notices.items()) if is_trouble(subject)]
    return [Headline("feed_troubled", "warning", "FEED", " ".join(wrong), _LOOK)] if wrong else []


def _events(seen: Overview) -> str:
    count, more = seen.backlog.events, seen.backlog.more
    number = f"more than {count:,}" if more else f"{count:,}"
    return f"{number} event is" if count == 1 else f"{number} events are"
