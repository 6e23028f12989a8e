"""The warning signs a portfolio is watched for, each looked at and told with its figures.

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
    """The four that are always told, seen or not, and the others that were seen."""
    others = (_breaches(accounts), _flattening(accounts), _rejected(accounts))
    return [
        _above(accounts),
        _near(accounts),
        _stops(accounts),
        _block_rate(accounts),
        *(sign for sign in others if sign.seen),
    ]


def _block_rate(accounts: Sequence[DayAccount]) -> Sign:
    blocked, asked = sum(one.blocked for one in accounts), sum(one.asked for one in accounts)
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
    near = [one for one in accounts if one.near]
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
    over = [one for one in accounts if one.above]
    if not over:
        most = max(accounts, key=lambda one: one.most_open)
        allowed = f" of {most.most_allowed}" if most.most_allowed else ""
        text = f"never; most at once {most.most_open}{allowed}"
        return Sign("above_limit", "More open than allowed", seen=False, text=text)
    worst = [f"{found.held} {found.what}, limit {found.limit}" for found in over[0].above]
    return Sign(
        "above_limit", "More open than allowed", seen=True, text=f"{', '.join(worst)}, on {_days(over)}"
    )


def _breaches(accounts: Sequence[DayAccount]) -> Sign:
    codes: Counter[str] = sum((one.breaches for one in accounts), Counter())
    text = ", ".join(f"{code} {count}" for code, count in codes.most_common())
    return Sign("breaches", "Facts that broke a limit", bool(codes), text)


def _flattening(accounts: Sequence[DayAccount]) -> Sign:
    each = {one.episode: one for account in accounts for one in account.flattenings}.values()
    open_still = sum(one.took_ms is None for one in each)
    overdue = sum(any(step.kind == "overdue" for step in one.steps) for one in each)
    text = f"{overdue} past the deadline, {open_still} not ended"
    return Sign("flatten_late", "Flattening late", bool(open_still or overdue), text)


def _rejected(accounts: Sequence[DayAccount]) -> Sign:
    count = sum(one.rejected for one in accounts)
    return Sign("events_rejected", "Events refused", count > 0, f"{count:,} changed nothing")


def _days(accounts: Sequence[DayAccount]) -> str:
    named = ", ".join(one.day for one in accounts[:_DAYS_NAMED])
    more = len(accounts) - _DAYS_NAMED
    return f"{named} and {more} days more" if more > 0 else named
