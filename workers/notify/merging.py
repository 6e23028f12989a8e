"""Which of the waiting alerts go into the next message. Pure; always the first ones, in their order.

What is critical has a message of its own. The alerts between two of those go together, those of one kind and
group as one line with their number. What is stale is summarized: a critical one, and a day's or week's
summary, by a line of its own, the others by their number.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from portfold.config import AlertKind
from portfold.workers.notify.alert import Alert, Message, gravest
from portfold.workers.notify.words import together
from portfold.workers.notify.words.wording import When

Fits = Callable[[str], bool]
"""Whether a text is short enough to be sent at once."""


def next_message(alerts: Sequence[Alert], *, stale_before_ms: int, clock: When, fits: Fits) -> Message | None:
    """Returns what to send first of the alerts that wait; None when there are none.

    `stale_before_ms`: what is older is stale. A message that does not fit even with a single alert is for
    who sends it to cut.
    """
    if not alerts:
        return None
    first = alerts[0]
    if first.at_ms < stale_before_ms:
        return _run(alerts, lambda one: one.at_ms < stale_before_ms, lambda run: _summary(run, clock), fits)
    if first.level == "critical":
        return _message((first,), first.lines, closed=True)
    return _run(
        alerts,
        lambda one: one.level != "critical" and one.at_ms >= stale_before_ms,
        lambda run: _digest(run, clock),
        fits,
    )


def _run(
    alerts: Sequence[Alert],
    belongs: Callable[[Alert], bool],
    lines_of: Callable[[Sequence[Alert]], tuple[str, ...]],
    fits: Fits,
) -> Message:
    """Returns a long run from the first alert on, of those that belong together, that fits; found
    by halving.
    """
    length = next((index for index, one in enumerate(alerts) if not belongs(one)), len(alerts))
    fitting, too_many = 1, length + 1
    trying = length
    while too_many - fitting > 1:
        if fits("\n".join(lines_of(alerts[:trying]))):
            fitting = trying
        else:
            too_many = trying
        trying = (fitting + too_many) // 2
    run = tuple(alerts[:fitting])
    return _message(run, lines_of(run), closed=fitting < len(alerts))


def _message(run: tuple[Alert, ...], lines: tuple[str, ...], *, closed: bool) -> Message:
    return Message(
        level=gravest(run),
        kinds=tuple(dict.fromkeys(alert.kind for alert in run)),
        lines=lines,
        count=len(run),
        first_ms=min(alert.at_ms for alert in run),
        last_ms=max(alert.at_ms for alert in run),
        closed=closed,
    )


def _digest(run: Sequence[Alert], clock: When) -> tuple[str, ...]:
    """Lists each alert as it is, but those of one kind and group in one line, where the first of them was."""
    lines: list[str] = []
    for (kind, group), alike in _by_group(run):
        words = together.counted_as(kind)
        if len(alike) == 1 or not group or words is None or not words.burst:
            lines += (line for alert in alike for line in alert.lines)
            continue
        subjects = Counter(alert.subject for alert in alike)
        lines.append(together.many(words, group, subjects, clock(alike[0].at_ms), clock(alike[-1].at_ms)))
    return tuple(lines)


def _by_group(run: Iterable[Alert]) -> list[tuple[tuple[AlertKind, str], list[Alert]]]:
    """Groups the alerts, in the order of the first of each; one without a group is by itself."""
    groups: dict[tuple[AlertKind, str, int], list[Alert]] = {}
    for number, alert in enumerate(run):
        groups.setdefault((alert.kind, alert.group, 0 if alert.group else number), []).append(alert)
    return [((kind, group), alike) for (kind, group, _), alike in groups.items()]


def _summary(run: Sequence[Alert], clock: When) -> tuple[str, ...]:
    lines = [together.not_told_in_time(clock(run[0].at_ms), clock(run[-1].at_ms))]
    counts: dict[together.Counted, Counter[str]] = {}
    for alert in run:
        words = together.counted_as(alert.kind)
        if alert.level == "critical" or words is None:
            lines.append(together.one_stale(alert.lines, clock(alert.at_ms)))
        else:
            counts.setdefault(words, Counter())[_named(alert.group)] += 1
    lines += (together.stale_count(words, groups) for words, groups in counts.items())
    return tuple(lines)


def _named(group: str) -> str:
    return "" if group == "all" else group
