"""What a trial says to people: each difference in a sentence as it is found, and the tally as a table."""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from portfold.coordinator.audit.what_if.findings import (
    DayOver,
    FilledAnyway,
    Finding,
    LimitsOverridden,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
    Turned,
)
from portfold.coordinator.audit.what_if.overrides import shown_value
from portfold.coordinator.audit.what_if.trial import TrialBegan
from portfold.coordinator.audit.what_if.trial_tally import RuleRow, TrialTally
from portfold.dollars import shown, shown_limit
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.exchange_time import local_time

_HEAD = f"{'day':<11}{'rule':<22}{'denied':>7}{'stops':>6}{'saved':>13}{'cost':>13}{'open':>5}{'unknown':>8}"


def began_lines(began: TrialBegan, shown_place: str) -> Iterator[str]:
    """Says what is on trial, and from where on."""
    words = [f"{name} {value} (now {began.recorded[name]})" for name, value in began.trial.items()]
    yield f"On trial on {shown_place}: {', '.join(words) or 'no other limits than those in force'}."
    if began.not_on_trial:
        yield f"Not on trial, as on the log: {', '.join(began.not_on_trial)}."
    if not began.day:
        yield "It begins with the log, on which nothing is decided yet."
    elif began.whole_day:
        yield f"It begins with the trading day {began.day}, after event {began.after}."
    else:
        yield f"It begins within the trading day {began.day}, after event {began.after}."
    yield "The book on trial begins as the log has it then: its positions, its money, what is latched."


def finding_line(found: Finding, zone: str) -> str:
    """Returns the sentence, with its time; nothing for what needs none."""
    match found:
        case Turned():
            return "" if found.again else f"{_clock(found.at, zone)}  {_turned(found)}"
        case FilledAnyway():
            return f"{_clock(found.at, zone)}  Filled without leave: what the trial would have allowed."
        case TradeGone():
            at = found.closed or found.request
            return f"{_clock(at, zone)}  {_gone(found)}"
        case TradeEnded():
            return f"{_clock(found.closed or found.ended, zone)}  {_ended(found)}"
        case StopComes():
            legs = len(parse_legs(found.positions))
            reached = f"{_reached(found)}, {legs} open"
            return f"{_clock(found.at, zone)}  The trial would have stopped here: {reached}."
        case StopGoes():
            legs = len(parse_legs(found.positions))
            return (
                f"{_clock(found.at, zone)}  The log stopped here, the trial would not have: "
                f"{_reached(found)}, {legs} open."
            )
        case DayOver():
            return _day(found)
        case LimitsOverridden():
            return f"{_clock(found.at, zone)}  Limits changed on the log; on trial stay {_on_trial(found)}."


def tally_lines(tally: TrialTally) -> Iterator[str]:
    """Yields the tally by day and rule."""
    rows = tally.rows
    if not rows:
        yield "Nothing was decided otherwise."
        return
    yield _HEAD
    for row in rows:
        yield _row(row)
    if len(rows) > 1:
        yield _row(tally.total())
    yield "denied, stops: of the trial alone. saved, cost: by trades that have ended."
    if any(row.unknown for row in rows):
        yield "unknown: allowed by the trial alone, or closed at a price nobody knows. No outcome is made up."
    for row in rows:
        if row.stops_gone:
            yield f"On {row.day} the trial would not have stopped by {row.rule}; what then came is unknown."


def _row(row: RuleRow) -> str:
    name = row.rule if row.rule else "in all"
    return (
        f"{row.day:<11}{name:<22}{row.denied:>7}{row.stops:>6}{row.saved:>13,.2f}{row.cost:>13,.2f}"
        f"{row.open:>5}{row.unknown:>8}"
    )


def _turned(turned: Turned) -> str:
    entry = f"{turned.symbol} {turned.side} {turned.size} of {turned.worker}"
    if turned.what_if == "allowed":
        denied = f"denied by {turned.recorded}"
        return f"The trial would have allowed this: {entry}, {denied}. Its outcome is unknown."
    return f"The trial would have denied this: {entry}, by {turned.what_if}."


def _gone(gone: TradeGone) -> str:
    trade = f"{gone.symbol} {gone.side} {gone.contracts} of {gone.worker}"
    if not gone.closed:
        return f"Denied by the trial and open on the log: {trade}, at {shown(gone.open_pnl)} now."
    return f"What the trial denied has ended: {trade} made {shown(gone.pnl)}, {_saved(-gone.pnl)}."


def _ended(ended: TradeEnded) -> str:
    trade = f"{ended.symbol} {ended.side} {ended.contracts} of {ended.worker}"
    if not ended.closed:
        return f"Closed by the trial's stop and open on the log: {trade}, at {shown(ended.open_pnl)} now."
    if ended.pnl_at_stop is None:
        return f"What the trial's stop closed has ended: {trade} made {shown(ended.pnl)}; never marked there."
    return (
        f"What the trial's stop closed at {shown(ended.pnl_at_stop)} has ended: {trade} made "
        f"{shown(ended.pnl)}, {_saved(ended.pnl_at_stop - ended.pnl)}."
    )


def _saved(made: Decimal) -> str:
    return f"saved {shown(made)}" if made > 0 else f"cost {shown(abs(made))}"


def _reached(stop: StopComes | StopGoes) -> str:
    limit = -stop.limit if stop.rule == "stopped_out" else stop.limit
    return f"{stop.rule}, at {shown(stop.daily_pnl)} of {shown_limit(limit)}"


def _day(over: DayOver) -> str:
    word = "is over" if over.over else "so far"
    unknown = f"; {over.unknown} of unknown outcome" if over.unknown else ""
    return (
        f"Trading day {over.day} {word}: P&L {shown(over.recorded.pnl)} on the log, "
        f"{shown(over.what_if.pnl)} in the trial{unknown}."
    )


def _on_trial(found: LimitsOverridden) -> str:
    differing = [
        f"{name} {shown_value(value)} (now {shown_value(found.recorded[name])})"
        for name, value in found.what_if.items()
        if value != found.recorded[name]
    ]
    return ", ".join(differing) or "the same ones"


def _clock(at: str, zone: str) -> str:
    return f"{local_time(StreamId.parse(at).ms, ZoneInfo(zone)):%m-%d %H:%M:%S %Z}"
