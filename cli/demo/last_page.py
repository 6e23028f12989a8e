"""The demo's last page: the totals of the log, the checks of it, and commands to look at it."""

import shlex
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from portfold.cli.demo.totals import LogTotals, StopDay
from portfold.cli.typed import typed
from portfold.coordinator.audit.record.verify import Verified
from portfold.dollars import shown
from portfold.events.wire.keys import Keys

_STOPS_SHOWN = 30


class Check(Struct, frozen=True):
    """A check: what must hold, and whether it does."""

    holds: bool
    text: str


def checks(totals: LogTotals, replayed: Verified, seconds: float) -> list[Check]:
    """Returns the checks that every demo must pass, on any market."""
    limits, stats, unlike = replayed.state.limits, replayed.state.stats, replayed.difference
    allowed = limits.max_positions if limits is not None else 0
    reproduced = (
        f"Replayed {replayed.events:,} events at {replayed.events / max(seconds, 0.001):,.0f} a second: all "
        f"{replayed.decisions:,} decisions alike, byte for byte"
    )
    return [
        Check(
            totals.most_open <= allowed,
            f"Never more than {allowed} open: most at once {totals.most_open}",
        ),
        Check(not totals.breaches, f"Facts that broke a limit: {_breaches(totals)}"),
        Check(not stats.events_rejected, f"Events rejected: {stats.events_rejected}"),
        Check(replayed.state.flatten is None, "Every flatten ended with all of it confirmed closed"),
        Check(unlike is None, unlike.sentence if unlike is not None else reproduced),
    ]


def _breaches(totals: LogTotals) -> str:
    breaches = ", ".join(f"{code} {count}" for code, count in totals.breaches.items()) or "0"
    if not totals.crossed:
        return breaches
    return f"{breaches}, and {totals.crossed} granted before a stop and filled after it, closed at once"


def totals_lines(totals: LogTotals) -> list[str]:
    """Returns the totals, one a line."""
    denied = sum(totals.denied.values())
    by_code = ", ".join(f"{code} {count}" for code, count in totals.denied.most_common())
    lines = [
        f"{len(totals.days)} trading days, {totals.days[0]} to {totals.days[-1]}: "
        f"{totals.trades:,} trades, P&L {shown(totals.pnl + totals.last_day_pnl)}",
        f"Entries: {totals.allowed + denied:,} asked, {totals.allowed:,} allowed, {denied:,} denied",
        *([f"Denied: {by_code}"] if by_code else []),
    ]
    shown_stops = totals.stops[:_STOPS_SHOWN]
    lines += [_stop_line(stop, totals.last_day_pnl) for stop in shown_stops]
    if len(totals.stops) > len(shown_stops):
        lines.append(f"... and {len(totals.stops) - len(shown_stops)} stops more")
    return lines


def _stop_line(stop: StopDay, last_day_pnl: Decimal) -> str:
    final = last_day_pnl if stop.final_pnl is None else stop.final_pnl
    after = f"next entry {stop.resumed_day}" if stop.resumed_day else "no entry since"
    line = f"Stopped out {stop.day} at {shown(stop.triggered_pnl)}, day's P&L {shown(final)}, {after}"
    if final >= stop.triggered_pnl:
        return line
    cost = shown(stop.triggered_pnl - final)
    return f"{line}\n  {cost} below the stop: it closes at the market, which costs commission and slippage"


def looking_lines(
    keys: Keys,
    folder: Path,
    book: Path,
    *,
    port: int,
    credentials: Path,
    kept_pid: int | None,
    since: str,
) -> list[str]:
    """Returns where the log is and the commands that show it.

    `kept_pid` is the server's, where it is kept running; `since` is the first decision to show. Who writes
    comes by the passwords in `credentials`.
    """
    cli, configuration = f"redis-cli -p {port}", shlex.quote(str(folder))
    there = f"--url redis://127.0.0.1:{port}/0 --config {configuration}"
    if kept_pid is None:
        reopen = typed(f"portfold server --dir {shlex.quote(str(folder / 'server'))} --port {port}")
        opening = f"The server is stopped, its log stays. To look at it:\n  {reopen}"
    else:
        opening = f"The server stays, on port {port}, pid {kept_pid}. To stop it: kill {kept_pid}"
    return [
        f"All of it is in {folder}",
        opening,
        f"  {cli} HGETALL '{keys.status}'",
        f"  {cli} XRANGE '{keys.decisions}' {since} + COUNT 5",
        f"  {cli} XREVRANGE '{keys.events}' + - COUNT 5",
        typed(f"  portfold status {there}"),
        f"The broker's book is {book}; what is left open there is closed by:",
        typed(f"  export PORTFOLD_CREDENTIALS={shlex.quote(str(credentials))}"),
        typed(f"  portfold coordinator --clock driven {there}"),
        typed(f"  portfold flattener {there}"),
        typed(f"  portfold flatten --by NAME --reason TEXT {there}"),
        "Without redis-cli: pip install iredis, then iredis in its place.",
    ]
