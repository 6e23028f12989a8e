"""The status for people: one screen of 80 columns, the worst first, colours only where they mean something.

It is read from the top: whether the portfolio may trade, how far the stop is, what is held. What is in order
takes few words; what is not takes a line, with what to do.
"""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from portfold.cli.copyable import wrapped
from portfold.cli.typed import typed
from portfold.cli.watch.status.portfolio_lines import LABEL, WIDTH, account_lines, leg_lines
from portfold.cli.watch.status.watched_account import account_parts
from portfold.coordinator.views.headlines import Headline, headlines
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.status import acknowledged_text, block_rate
from portfold.exchange_time import clock, span

_MOST_LINES = 4
_BADGES = {"info": "bold green", "warning": "bold yellow", "critical": "bold white on red"}


def put(console: Console, lines: Iterable[Text]) -> None:
    """Prints the lines, without colours where there is no terminal."""
    for line in lines:
        console.print(line, soft_wrap=True)


def picture(seen: Overview, *, shown: str, zone: ZoneInfo, whole: bool = False) -> list[Text]:
    """Returns the screen, line by line, none longer than 80 columns but for a word of a command that is.

    A headline has at most four lines, so that it does not push the rest away: its reason is cut, and never
    what to do. With `whole` nothing is cut.
    """
    return [
        _ends(Text(shown, style="bold"), Text(_now(seen, zone), style="dim")),
        *(line for one in headlines(seen, zone) for line in badged(one, whole=whole)),
        Text(),
        *account_lines(seen.view),
        *leg_lines(seen.view, seen.now_ms),
        *_account(seen),
        Text(),
        *_labelled("Entries", _entries(seen)),
        *_labelled("Workers", _workers(seen)),
        *_labelled("Leader", _leader(seen)),
        *_switch(seen),
        *_labelled("Log", _log(seen)),
        *_acknowledged(seen),
    ]


# --- the parts -------------------------------------------------------------------------------------------


def _now(seen: Overview, zone: ZoneInfo) -> str:
    return f"{clock(seen.now_ms, zone)} {zone.key.rpartition('/')[2].replace('_', ' ')}"


def badged(one: Headline, *, whole: bool = False) -> list[Text]:
    """Returns the lines of a headline, its title as a badge; below, what to do."""
    badge = Text.assemble((f" {one.title} ", _BADGES[one.level]), " ")
    style, below = "bold" if one.level == "critical" else "", " " * LABEL
    remedy = wrapped(typed(one.remedy), WIDTH, f"{below}→ ", f"{below}  ") if one.remedy else []
    reason = _folded(badge, one.text, style=style)
    most = max(1, _MOST_LINES - len(remedy))
    if len(reason) > most and not whole:
        reason[most - 1 :] = [_with_an_end(reason[most - 1])]
    return [*reason, *(Text(line, style=style) for line in remedy)]


def _account(seen: Overview) -> list[Text]:
    parts = account_parts(seen.view.account, seen.now_ms)
    return _labelled("Account", parts) if parts else []


def _entries(seen: Overview) -> list[Text]:
    stats = seen.view.stats
    asked, denied = stats.total_entries_requested, stats.total_entries_blocked
    return [
        Text(f"{asked:,} asked"),
        Text(f"{stats.total_entries_allowed:,} allowed"),
        Text(f"{denied:,} denied ({block_rate(stats):.0%})"),
        Text(f"exits: {stats.total_exits:,}"),
        Text(f"stops: {stats.stop_loss_triggers:,}"),
    ]


def _workers(seen: Overview) -> list[Text]:
    alive = sum(one.lives for one in seen.workers)
    return [
        Text(f"{alive} alive"),
        Text("flattener alive") if seen.flattener_alive else Text("no flattener", style="yellow"),
        *(Text(text, style="yellow") for text in nobody_trades(seen)),
        *([] if seen.missing else [Text("one for every symbol")]),
        *(Text(f"{name} does not say what it trades") for name in seen.reticent if seen.missing),
    ]


def nobody_trades(seen: Overview) -> list[str]:
    """Returns the symbols that nobody alive trades, by what became of who traded them last, as parts that a
    line may end after: `nobody trades 6A`, `6B (stopped)`.
    """
    by_fate: dict[str, list[str]] = {}
    for symbol in seen.missing:
        one = seen.last_of(symbol)
        by_fate.setdefault(f" ({seen.became_of(one.worker)})" if one else "", []).append(symbol)
    parts: list[str] = []
    for fate, symbols in by_fate.items():
        first, *more = symbols
        parts += [f"nobody trades {first}", *more]
        parts[-1] += fate
    return parts


def _leader(seen: Overview) -> list[Text]:
    backlog = seen.backlog
    undecided = f"{backlog.events:,}{' or more' if backlog.more else ''} undecided"
    age = f" for {span(backlog.oldest_ms)}" if backlog.oldest_ms is not None else ""
    return [
        Text(seen.leader) if seen.leader else Text("nobody", style="bold red"),
        Text(f"standby {seen.standby}") if seen.standby else Text("no standby", style="yellow"),
        Text(undecided + age, style="yellow" if backlog.events else ""),
    ]


def _switch(seen: Overview) -> list[Text]:
    """Says when the dead man's switch was last pressed, where there is one, and why it is not."""
    switch = seen.switch
    if switch is None:
        return []
    when = "never pressed" if switch.age_ms is None else f"pressed {span(switch.age_ms)} ago"
    wrong = [Text(f"NOT PRESSED NOW: {switch.wrong}", style="bold red")] if switch.wrong else []
    return _labelled("Dead man", [Text(when), *wrong])


def _log(seen: Overview) -> list[Text]:
    whole = not (seen.backlog.lost or seen.view.tail_missing)
    kept = seen.server.kept
    return [
        Text("whole") if whole else Text("NOT WHOLE", style="bold red"),
        Text(seen.server.version),
        Text(kept.setting, style="yellow" if kept.level == "warning" else ""),
    ]


def _acknowledged(seen: Overview) -> list[Text]:
    loss = acknowledged_text(seen.view.acknowledged)
    return _folded(Text(" " * LABEL), f"loss acknowledged {loss}", style="dim") if loss else []


# --- laying out ------------------------------------------------------------------------------------------


def _ends(left: Text, right: Text) -> Text:
    left.truncate(WIDTH - right.cell_len - 2, overflow="ellipsis")
    return left.append(" " * (WIDTH - left.cell_len - right.cell_len)).append_text(right)


def _labelled(label: str, parts: Sequence[Text]) -> list[Text]:
    """Lays out the parts behind the label, as many on a line as there is room for."""
    lines = [Text(f"{label:<{LABEL}}", style="bold")]
    for number, part in enumerate(parts):
        part.truncate(WIDTH - LABEL - 1, overflow="ellipsis")
        last = number == len(parts) - 1
        if lines[-1].cell_len > LABEL and lines[-1].cell_len + 1 + part.cell_len + (not last) > WIDTH:
            lines.append(Text(" " * LABEL))
        elif lines[-1].cell_len > LABEL:
            lines[-1].append(" ")
        lines[-1] = Text.assemble(lines[-1], part, "" if last else ",")
    return lines


def _folded(first: Text, text: str, *, style: str) -> list[Text]:
    """Lays out the text behind `first`; what does not fit goes on below, indented."""
    lead = " " * first.cell_len
    lines = wrapped(text, WIDTH, lead, " " * min(first.cell_len, LABEL))
    if not text:
        first.rstrip()
        return [first]
    return [
        Text.assemble(first, (lines[0][len(lead) :], style)),
        *(Text(line, style=style) for line in lines[1:]),
    ]


def _with_an_end(line: Text) -> Text:
    """Returns the line with a mark that something is left out behind it."""
    line.truncate(WIDTH - 2)
    return line.append(" …")
