"""The demo's last page: what the log comes to, whether all held that must hold, and how to look for oneself."""

import shlex
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from cli.demo.totals import StopDay, Totals
from coordinator.dollars import shown
from coordinator.replay import Replayed
from events.keys import Keys


class Check(Struct, frozen=True):
    """Something that must hold, and whether it does."""

    holds: bool
    text: str


def checks(totals: Totals, replayed: Replayed, seconds: float) -> list[Check]:
    """What must hold of any demo, on any market."""
    limits, stats = replayed.state.limits, replayed.state.stats
    allowed = limits.max_positions if limits is not None else 0
    rate = f"{replayed.events / max(seconds, 0.001):,.0f} events a second"
    reproduced = (
        f"Replay: {replayed.events:,} events decided again, {replayed.decisions:,} decisions reproduced byte for "
        f"byte, {rate}"
    )
    return [
        Check(
            totals.most_open <= allowed,
            f"Never more than {allowed} open: most at once {totals.most_open}",
        ),
        Check(not stats.limit_breaches, f"Facts that broke a limit: {stats.limit_breaches}"),
        Check(not stats.events_rejected, f"Events rejected: {stats.events_rejected}"),
        Check(replayed.state.flatten is None, "Every flatten ended with all of it confirmed closed"),
        Check(not replayed.difference, replayed.difference or reproduced),
    ]


def totals_lines(totals: Totals, replayed: Replayed) -> list[str]:
    """The totals, a line each."""
    denied = sum(totals.denied.values())
    by_code = ", ".join(f"{code} {count}" for code, count in totals.denied.most_common())
    lines = [
        f"{len(totals.days)} trading days, {totals.days[0]} to {totals.days[-1]}: {replayed.events:,} events, "
        f"{totals.trades:,} trades, P&L {shown(totals.pnl + totals.last_day_pnl)}",
        f"{totals.allowed + denied:,} entries asked for, {totals.allowed:,} allowed, {denied:,} denied"
        + (f": {by_code}" if by_code else ""),
    ]
    return lines + [_stop_line(stop, totals.last_day_pnl) for stop in totals.stops]


def _stop_line(stop: StopDay, last_day_pnl: Decimal) -> str:
    final = last_day_pnl if stop.final_pnl is None else stop.final_pnl
    after = f"first entry after it on {stop.resumed_day}" if stop.resumed_day else "no entry after it so far"
    return f"Stopped out on {stop.day} at {shown(stop.triggered_pnl)}, day's P&L {shown(final)}; {after}"


def looking_lines(
    keys: Keys, folder: Path, *, port: int, kept_pid: int | None, since: str
) -> list[str]:
    """Where the log is and the commands that show it. `kept_pid` is the server's, where it stays; `since` is
    the decision from which on it is interesting."""
    cli = f"redis-cli -p {port}"
    if kept_pid is None:
        opening = f"The server is stopped, its log stays. To look at it, in another terminal:\n  {_reopen(folder, port)}"
    else:
        opening = f"The server stays, on port {port}, pid {kept_pid}. To stop it: kill {kept_pid}"
    return [
        f"All of it is in {folder}",
        opening,
        f"  {cli} HGETALL '{keys.status}'",
        f"  {cli} XRANGE '{keys.decisions}' {since} + COUNT 5",
        f"  {cli} XREVRANGE '{keys.events}' + - COUNT 5",
        f"  portfold status --url redis://127.0.0.1:{port}/0",
        "Without redis-cli: pip install iredis, then iredis in its place.",
    ]


def _reopen(folder: Path, port: int) -> str:
    return f"portfold server --dir {shlex.quote(str(folder / 'server'))} --port {port}"
