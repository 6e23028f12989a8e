"""Is the account watched, heard of, and as the log has it; and is what is heard of it fresh.

Times of reports are the server's own, taken right before the broker was asked. No clock of the watcher's
machine is in them, so what is judged is how old a report is when it arrives.
"""

from portfold.config import ConfiguredAccount
from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.views.account_view import ShownAccount, difference_in_words
from portfold.exchange_time import span

_PAPER = "paper"
_WATCH = "start: portfold account"
_NAME = '"account" in runtime.json, and restart the coordinator'
_RECONCILE = "see: portfold reconcile"


def account(facts: Facts) -> Finding:
    """Checks that what the configuration names is watched, is reported, and agrees with the log."""
    configured = facts.configuration.runtime.account
    if facts.overview is None:
        return warn("account", "not known without a coordinator", "portfold coordinator")
    watched = facts.overview.view.account
    if watched is None:
        return _not_watched(configured, facts.configuration.runtime.broker.kind)
    if configured is None or configured.name != watched.account:
        named = f"this configuration names {configured.name if configured else 'none'}"
        order = f"portfold limits {f'--account {configured.name}' if configured else '--no-account'}"
        remedy = f"correct the file; or, if it is right: {order} --by NAME --reason TEXT"
        return fail("account", f"{watched.account} is watched, and {named}", remedy)
    return _not_reported(watched, facts) or _differs(watched) or _late(watched, facts)


def _not_watched(configured: ConfiguredAccount | None, broker: str) -> Finding:
    if configured is not None:
        text = f"runtime.json names {configured.name}, and no account is watched"
        order = f"portfold limits --account {configured.name} --by NAME --reason TEXT"
        return fail("account", text, f"restart the coordinator; or: {order}")
    if broker == _PAPER:
        return ok("account", "none is watched: paper")
    text = "none is watched: what workers say is compared with nothing"
    return warn("account", text, _NAME)


def _not_reported(watched: ShownAccount, facts: Facts) -> Finding | None:
    """Finds a watcher that is not there, or is and cannot read the account."""
    now_ms = facts.overview.now_ms if facts.overview else facts.server_ms
    if watched.as_of_ms and not watched.silent:
        if facts.watcher:
            return None
        age = span(max(0, now_ms - watched.heard_ms))
        return fail("account", f"nobody watches {watched.account}; last reported {age} ago", _WATCH)
    if not facts.watcher:
        return fail("account", f"nobody watches {watched.account}, and nothing is reported of it", _WATCH)
    quiet = span(max(0, now_ms - watched.heard_ms))
    text = f"nothing was reported of {watched.account} for {quiet}, though a watcher is at work"
    return fail("account", text, f"its log says why, on {facts.watcher.partition(' ')[0]}")


def _differs(watched: ShownAccount) -> Finding | None:
    if not watched.differing:
        return None
    found = "; ".join(map(difference_in_words, watched.differing))
    return fail("account", f"{watched.account} differs from the log in {found}", _RECONCILE)


def _late(watched: ShownAccount, facts: Facts) -> Finding:
    """Judges how old the latest report was when it came: what differs longer than the grace is a trouble."""
    view = facts.overview.view if facts.overview else None
    grace_ms = view.limits.account_grace_ms if view and view.limits else 0
    took_ms = max(0, watched.heard_ms - watched.as_of_ms)
    text = f"{watched.account} by {watched.source}: {watched.equity_text}, agrees with the log"
    if not grace_ms or 2 * took_ms <= grace_ms:
        return ok("account", text)
    late = f"{text}; but its report was {span(took_ms)} old when it came, with a grace of {span(grace_ms)}"
    remedy = "look at the watcher's log, its machine and its way to the broker; or order a longer grace"
    return warn("account", late, remedy)


CHECKS = (account,)
