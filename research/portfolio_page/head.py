"""The head of the page: the portfolio, its spans, its figures, and how much of them is luck."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from portfold.coordinator.audit.report.warning_signs import Sign
from portfold.research.portfolio_page.subject import Subject
from portfold.research.portfolio_page.wording import INFINITE, chance, kept_of, money, percent, ratio
from portfold.research.report.headline import fact, sign_list
from portfold.research.report.wording import counted, number, text
from portfold.research.search.config_export import UNMEASURED, stop_of
from portfold.research.search.findings import Findings, Judged, Winner
from portfold.research.search.looks import in_words as looks_in_words
from portfold.research.search.verdict import IN_WORDS, LARGEST_CHANCE, verdict_on
from portfold.research.statistics.intervals import Interval
from portfold.research.statistics.significance import Deflated
from portfold.research.trades import asked_for, parameters_tried
from portfold.research.trades.filter_samples import sentences
from portfold.research.trades.in_sample import in_words
from portfold.research.trades.short_histories import in_words as short_in_words

_SURE = 0.95
_HALF = 0.5


def title_of(subject: Subject) -> str:
    """Writes `At most 4 positions of 10 symbols`."""
    choice = subject.choice
    return f"At most {counted(choice.max_positions, 'position')} of {counted(len(choice.symbols), 'symbol')}"


def header(subject: Subject) -> str:
    """Writes the portfolio, its limits, and the days it was chosen and judged on."""
    choice = subject.choice
    badge = f'<span class="badge quiet">row {choice.row}</span>' if choice.row else ""
    symbols = " ".join(f"<b>{text(symbol)}</b>" for symbol in choice.symbols)
    lines = "".join(f'<p class="session">{text(line)}</p>' for line in _lines(subject))
    return (
        f'<header><p class="kicker">portfolio research, {text(choice.table.name)}</p>'
        f"<h1>{text(title_of(subject))}{badge}</h1>"
        f'<p class="symbols">{symbols}</p>{lines}</header>'
    )


def _lines(subject: Subject) -> Iterator[str]:
    findings = subject.findings
    if findings is None:
        return
    setting, limits = findings.setting, findings.constraints
    breaches = counted(limits.max_breach_events, "breach", "breaches")
    cash, stop, breach = (
        money(Decimal(amount))
        for amount in (setting.initial_cash, stop_of(subject.choice) or 0, setting.breach_limit)
    )
    stops = findings.daily_stops
    several = f" (of {len(stops)} searched, {money(min(stops))} to {money(max(stops))})" if stops[1:] else ""
    yield (
        f"{cash} in the account, stop at {stop} a day{several}; searched for drawdowns below "
        f"{money(limits.max_dd)} and at most {breaches} of the broker's {breach}."
    )
    yield f"Chosen on {_span(findings.train)}."
    if findings.test is not None:
        yield f"Judged on {_span(findings.test)}."


def _span(of: Judged) -> str:
    found = asked_for.in_words(of.trades, of.signals)
    return f"{of.first_day} to {of.last_day}: {of.days:,} trading days, {found}"


# --- figures --------------------------------------------------------------------------------------------


def headline(subject: Subject) -> str:
    """Writes five figures, each with its interval or a figure to compare it with."""
    found, winner = subject.figures.by_name, subject.winner
    sharpe = found["sharpe"]
    main = (
        f'<div class="main"><span class="name-of">Sharpe {text(subject.figures.where)}</span>'
        f"<strong>{text(ratio(sharpe))}</strong>"
        f'<p class="of">{text(_ends(subject, "sharpe", ratio))}</p></div>'
    )
    factor = (
        INFINITE if winner is not None and found["profit_factor"] is None else ratio(found["profit_factor"])
    )
    deflated = winner.deflated if winner is not None else None
    tiles = [
        fact("CAGR", percent(found["cagr"]), _ends(subject, "cagr", percent)),
        fact("Max drawdown", money(found["max_dd"]), _ends(subject, "max_dd", money)),
        fact(
            "Profit factor", factor, f"{money(found['total_return'])} in all, {_stops(found['daily_stops'])}"
        ),
        fact(
            "Deflated Sharpe",
            percent(deflated.probability if deflated else None),
            f"sure, where it was chosen, to be above {ratio(deflated.threshold)}: the best of "
            f"{_sets(deflated)} by luck alone"
            if deflated
            else "cannot be told",
        ),
    ]
    return f'<section class="headline">{main}{"".join(tiles)}</section>'


def _ends(subject: Subject, name: str, write: Callable[[float], str]) -> str:
    luck = subject.figures.intervals
    if luck is None:
        return "no interval known"
    interval: Interval = getattr(luck, name)
    return f"{write(interval.low)} to {write(interval.high)}, {subject.figures.intervals_are}"


def _stops(count: float | None) -> str:
    return counted(count or 0, "daily stop")


# --- signs ----------------------------------------------------------------------------------------------


def signs(subject: Subject) -> str:
    """Writes the signs of how far the figures can be trusted."""
    return sign_list(_signs(subject))


def _signs(subject: Subject) -> Iterator[Sign]:
    findings, winner = subject.findings, subject.winner
    if subject.why_not:
        yield Sign("not_again", "Not simulated again", seen=True, text=subject.why_not)
    if findings is None or winner is None:
        yield Sign("unmeasured", "Its Sharpe", seen=True, text=f"is {UNMEASURED}.")
        return
    yield from _seen(subject, findings)
    yield from _filters(subject, findings)
    yield from _short(subject, findings)
    yield from _parameters(subject, findings)
    yield _verdict(winner)
    yield _judged(findings, winner)
    yield _lots(findings, winner)
    yield _forced(subject, winner)
    yield _reality(findings, winner)
    yield _luck(winner)
    yield from _interval(subject)
    yield _breaches(subject, Decimal(findings.setting.breach_limit))
    yield _greedy(findings, winner)


def _seen(subject: Subject, findings: Findings) -> Iterator[Sign]:
    """Warns where figures come from trades that a model was trained on."""
    for span, where in ((findings.train, "Chosen"), (findings.test, "Judged")):
        seen = subject.choice.seen(span) if span is not None else ()
        if seen:
            yield Sign("trained", f"{where} on bars of the training", seen=True, text=f"{in_words(seen)}.")


def _filters(subject: Subject, findings: Findings) -> Iterator[Sign]:
    """Says whether the trades are out of sample, as far as the filters of their symbols go."""
    for span, where in ((findings.train, "chosen"), (findings.test, "judged")):
        found = subject.choice.filters(span) if span is not None else ()
        unknown = any(one.how == "not known" for one in found)
        for sentence in sentences(found):
            yield Sign("filters", f"Filters, where it was {where}", seen=unknown, text=sentence)


def _short(subject: Subject, findings: Findings) -> Iterator[Sign]:
    """Warns of symbols of the row that have trades on a part of the days only."""
    for span, where in ((findings.train, "Chosen"), (findings.test, "Judged")):
        short = [one for one in span.short if one.symbol in subject.choice.symbols] if span else []
        if short:
            yield Sign("short", f"{where} on a part of the days", seen=True, text=f"{short_in_words(short)}.")


def _parameters(subject: Subject, findings: Findings) -> Iterator[Sign]:
    """Warns where parameters were chosen among several on record."""
    own = {one: tried for one, tried in findings.parameters_tried.items() if one in subject.choice.symbols}
    if own:
        sentence = f"those {parameters_tried.in_words(own)} on record, each counted as a try."
        yield Sign("parameters", "Parameters were chosen", seen=True, text=sentence)


def _verdict(winner: Winner) -> Sign:
    """Says in one sentence whether there is anything that luck does not explain."""
    found = verdict_on(winner)
    return Sign("verdict", "In one sentence", seen=found != "holds", text=IN_WORDS[found])


def _judged(findings: Findings, winner: Winner) -> Sign:
    name, test = "Judged on other days", winner.test
    if test is None or findings.test is None:
        return Sign(
            "judged", "Judged on the same days", seen=True, text="it was chosen on: expect less of it."
        )
    looks = f" {looks_in_words(findings.looks)}." if findings.looks is not None else ""
    if winner.kept is None:
        nothing = "there was no merit to keep: its Sharpe was not above 0."
        return Sign("judged", name, seen=True, text=nothing + looks)
    became = f"{ratio(winner.train.sharpe_dollars)} became {ratio(test.sharpe_dollars)}"
    sentence = f"{kept_of(winner.kept, 'its Sharpe of dollars')}: {became}."
    return Sign("judged", name, seen=winner.kept < _HALF, text=sentence + looks)


def _lots(findings: Findings, winner: Winner) -> Sign:
    """Says over how many drawings of lots the figures are, and how far these differ."""
    found = winner.test or winner.train
    if findings.setting.drawings == 1:
        return Sign("lots", "Lots", seen=True, text="were drawn once: another drawing gives other figures.")
    if found.drawings == 1:
        return Sign("lots", "Lots", seen=False, text="decided nothing: there was room for all who asked.")
    sentence = (
        f"figures are means over {found.drawings} drawings of lots, with Sharpes from "
        f"{ratio(found.sharpe_least)} to {ratio(found.sharpe_most)}; charts, months and symbols are "
        "of the first."
    )
    return Sign("lots", "Lots", seen=False, text=sentence)


def _forced(subject: Subject, winner: Winner) -> Sign:
    """Says at which prices stops closed positions, as far as these are known."""
    found = winner.test or winner.train
    where = subject.figures.where
    if not found.forced:
        return Sign("forced", "Stops", seen=False, text=f"closed no position {where}.")
    if not found.at_final:
        sentence = (
            f"all {number(found.forced)} positions that stops closed {where} have a price of that moment."
        )
        return Sign("forced", "Forced exits", seen=False, text=sentence)
    sentence = (
        f"{number(found.at_final)} of {number(found.forced)} positions that stops closed {where} count with "
        f"their own final P&L, {money(found.at_final_pnl)} in all, which lay in the future then."
    )
    return Sign("forced", "Forced exits", seen=True, text=sentence)


def _luck(winner: Winner) -> Sign:
    deflated = winner.deflated
    if deflated is None:
        return Sign("luck", "Luck", seen=True, text="cannot be told from merit: too few days, or sets.")
    less = " (less than 95%)" if deflated.probability < _SURE else ""
    uncounted = "" if deflated.of_files else " What was tried before that is not counted."
    sentence = (
        f"it is {percent(deflated.probability, 0)} sure{less} that where it was chosen it is better than "
        f"the best of {_sets(deflated)} without merit.{uncounted}"
    )
    return Sign("luck", "Luck", seen=deflated.probability < _SURE, text=sentence)


def _sets(deflated: Deflated) -> str:
    before = f", {deflated.of_files}," if deflated.of_files else ""
    return f"{deflated.tries:,} sets{before}"


def _reality(findings: Findings, winner: Winner) -> Sign:
    checked, name = winner.reality_check, "Reality check"
    if winner.of_all:
        sentence = (
            f"none of the best of {findings.sets_in_words(winner)}, of which greedy tried few: the "
            "probability of overfitting, below, is of all of them."
        )
        return Sign("selection", name, seen=True, text=sentence)
    if checked is None:
        return Sign("selection", name, seen=True, text="too few days, or none that vary, to tell.")
    sentence = (
        f"had none of the {checked.tries:,} sets tried any merit, the best of them would look as good "
        f"with a probability of {chance(checked.p_value)}."
    )
    return Sign("selection", name, seen=checked.p_value > LARGEST_CHANCE, text=sentence)


def _interval(subject: Subject) -> Iterator[Sign]:
    luck = subject.figures.intervals
    if luck is not None and luck.sharpe.low <= 0:
        sentence = f"the {subject.figures.intervals_are} of its Sharpe {subject.figures.where} has 0 in it."
        yield Sign("interval", "May be nothing", seen=True, text=sentence)


def _breaches(subject: Subject, limit: Decimal) -> Sign:
    breaches, where = subject.figures.by_name["breach_events"] or 0, subject.figures.where
    sentence = (
        f"came to {money(limit)} {counted(breaches, 'time')}" if breaches else f"stayed below {money(limit)}"
    )
    return Sign("breach", "Broker's limit", seen=breaches > 0, text=f"its drawdown {sentence} {where}.")


def _greedy(findings: Findings, winner: Winner) -> Sign:
    best, name, swaps = winner.best_of_all, "Greedy", winner.by_swaps
    if winner.of_all:
        sentence = f"did not choose this: it is the best of {findings.sets_in_words(winner)}."
        return Sign("greedy", name, seen=False, text=sentence)
    if swaps is not None and swaps.symbols != winner.symbols:
        sentence = f"swaps found a set with {ratio(swaps.metrics.sharpe)}: {' '.join(swaps.symbols)}."
        return Sign("greedy", name, seen=True, text=sentence)
    if best is None:
        return Sign(
            "greedy", name, seen=False, text="looked at some of the sets only; better ones may exist."
        )
    if best.metrics.sharpe <= winner.train.sharpe:
        return Sign("greedy", name, seen=False, text=f"found the best of all {best.sets:,} sets.")
    sentence = (
        f"the best of all {best.sets:,} sets has {ratio(best.metrics.sharpe)}: {' '.join(best.symbols)}."
    )
    return Sign("greedy", name, seen=True, text=sentence)
