"""The warning signs a portfolio is watched for, each checked and reported with its figures.

Too many entries blocked (more than half), too many stops (more than three in a week), a loss near the day's
limit, more open than the position limit allows; and besides these whatever should not have happened at all.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from portfold.bounds import MOST_BLOCKED, MOST_STOPS_A_WEEK, too_many_blocked, too_many_stops
from portfold.coordinator.audit.report.day_account import DayAccount, rate
from portfold.dollars import shown, shown_limit

_DAYS_NAMED = 6


class Sign(Struct, frozen=True):
    """Something to watch for: whether it was `seen`, and what was found, in words."""

    code: str
    name: str
    seen: bool
    text: str


def signs(accounts: Sequence[DayAccount]) -> list[Sign]:
    """Returns the four signs that are always reported, seen or not, and the others that were seen."""
    others = (
        _reached(accounts),
        _breaches(accounts),
        _flattening(accounts),
        _rejected(accounts),
        _differed(accounts),
        _silent(accounts),
    )
    return [
        _above(accounts),
        _near(accounts),
        _stops(accounts),
        _block_rate(accounts),
        *(sign for sign in others if sign.seen),
    ]


def _block_rate(accounts: Sequence[DayAccount]) -> Sign:
    blocked, asked = sum(account.blocked for account in accounts), sum(account.asked for account in accounts)
    blocked_share = rate(blocked, asked)
    text = "no entry was asked for"
    if blocked_share is not None:
        text = f"{blocked:,} of {asked:,} entries denied, {blocked_share:.1%}"
    seen = too_many_blocked(blocked, asked)
    return Sign("block_rate", "Entries blocked", seen, f"{text}; a sign above {MOST_BLOCKED:.0%}")


def _stops(accounts: Sequence[DayAccount]) -> Sign:
    most = max(accounts, key=lambda one: one.stops_in_week)
    count = most.stops_in_week
    when = f"in the week up to {most.day}" if count else "in the week"
    return Sign(
        "stops_in_week",
        "Daily stops",
        too_many_stops(count),
        f"{count or 'none'} {when}; a sign above {MOST_STOPS_A_WEEK} a week",
    )


def _near(accounts: Sequence[DayAccount]) -> Sign:
    near = [account for account in accounts if account.near]
    worst = max(accounts, key=lambda one: one.used)
    if worst.limits is None:
        return Sign("near_limit", "Loss near the limit", seen=False, text="no limits were in force")
    when = "" if len(accounts) == 1 else f" on {worst.day}"
    of = f"{shown(-worst.lost)} of {shown_limit(-worst.lost_of)}"
    text = f"at worst {worst.used:.0%} of the daily limit was lost{when}: {of}"
    if len(near) > 1:
        text += f"; near it on {_days(near)}"
    percent = worst.limits.stop_approach_percent
    return Sign("near_limit", "Loss near the limit", bool(near), f"{text}; a sign from {percent}%")


def _above(accounts: Sequence[DayAccount]) -> Sign:
    over = [account for account in accounts if account.above]
    if not over:
        most = max(accounts, key=lambda one: one.most_open)
        allowed = f" of {most.most_allowed}" if most.most_allowed else ""
        text = f"never; most at once {most.most_open}{allowed}"
        return Sign("above_limit", "More open than allowed", seen=False, text=text)
    worst = [f"{found.held} {found.what}, limit {found.limit}" for found in over[0].above]
    return Sign(
        "above_limit", "More open than allowed", seen=True, text=f"{', '.join(worst)}, on {_days(over)}"
    )


def _reached(accounts: Sequence[DayAccount]) -> Sign:
    reached = [account for account in accounts if account.reached]
    rules: Counter[str] = sum((account.reached for account in reached), Counter())
    text = ", ".join(f"{rule} {count}" for rule, count in rules.most_common())
    return Sign("limits_reached", "Limits of money reached", bool(rules), f"{text}, on {_days(reached)}")


def _breaches(accounts: Sequence[DayAccount]) -> Sign:
    codes: Counter[str] = sum((account.breaches for account in accounts), Counter())
    text = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    return Sign("breaches", "Facts that broke a limit", bool(codes), text)


def _flattening(accounts: Sequence[DayAccount]) -> Sign:
    each = {
        flattening.episode: flattening for account in accounts for flattening in account.flattenings
    }.values()
    open_still = sum(flattening.took_ms is None for flattening in each)
    overdue = sum(any(step.kind == "overdue" for step in flattening.steps) for flattening in each)
    text = f"{overdue} past the deadline, {open_still} not ended"
    return Sign("flatten_late", "Flattening late", bool(open_still or overdue), text)


def _rejected(accounts: Sequence[DayAccount]) -> Sign:
    count = sum(account.rejected for account in accounts)
    return Sign("events_rejected", "Events refused", count > 0, f"{count:,} changed nothing")


def _differed(accounts: Sequence[DayAccount]) -> Sign:
    differed = [account for account in accounts if account.account_differed]
    subjects: Counter[str] = sum((account.account_differed for account in differed), Counter())
    text = ", ".join(f"{subject} {count}" for subject, count in subjects.most_common())
    return Sign("account_differs", "Account not as the log", bool(subjects), f"{text}, on {_days(differed)}")


def _silent(accounts: Sequence[DayAccount]) -> Sign:
    silent = [account for account in accounts if account.account_silences]
    count = sum(account.account_silences for account in silent)
    text = f"{count:,} {'time' if count == 1 else 'times'}, on {_days(silent)}"
    return Sign("account_silent", "Account not reported", count > 0, text)


def _days(accounts: Sequence[DayAccount]) -> str:
    named = ", ".join(account.day for account in accounts[:_DAYS_NAMED])
    more = len(accounts) - _DAYS_NAMED
    return f"{named} and {more} days more" if more > 0 else named
