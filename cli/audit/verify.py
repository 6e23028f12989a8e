"""`portfold audit verify`: was all of it decided so, and has anyone touched it since?"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.anchor import anchors_named
from portfold.cli.audit.source import Source
from portfold.cli.exits import FAILED, OK, Failure, Unusable
from portfold.cli.workplace import Workplace

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.anchor import Anchor
    from portfold.coordinator.audit.record.record import Record
    from portfold.coordinator.audit.record.verify import Verified
    from portfold.coordinator.store.recorded import Difference
    from portfold.events.stream_id import StreamId
    from portfold.events.wire.bus import Entry

_SOURCE = Source()
_WORKPLACE = Workplace()
_WORTH_A_PROCESS = 50_000
"""Events: one process is done with so many before others have begun."""


def register(app: App) -> None:
    """Adds the command."""
    app.command(verify)


def verify(
    *,
    anchor: Annotated[list[str] | None, Parameter(negative="")] = None,
    public_key: Path | None = None,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    source: Source = _SOURCE,
    workplace: Workplace = _WORKPLACE,
) -> int:
    """Decide every event again, and compare with what is on record.

    Every decision has to be there, byte for byte, and none besides; the
    chain has to lead to the head. Where something differs the first event is
    named, with what was recorded and what should stand there.

    What lies in an archive is verified by several processes side by side,
    or on a cluster that can read it, each piece from a state kept there,
    which the one before it proves. Less than 50,000 events for each are
    not worth one.

    Exit code 0 when all is reproduced, 1 when something differs, 2 when the
    record could not be read.

    For example:

        portfold audit verify --anchor @anchors.txt

    Parameters
    ----------
    anchor
        A line of portfold audit anchor, or @FILE with such lines: history up to there has to be the same.
    public_key
        The key that the anchors have to be signed with.
    json
        One JSON object, for programs.
    """
    from portfold.cli.progress import progress

    anchors = anchors_named(anchor or [], public_key)
    with _readable(), source.record() as record:
        _check_portfolio(anchors, record)
        began = time.monotonic()
        with progress("Verifying", record.events, "events") as on_progress:
            found = _decided_again(record, anchors, on_progress, workplace)
        seconds = time.monotonic() - began
        if json:
            from portfold.coordinator.store.entry_json import shown_json

            print(shown_json(_as_json(record, found, anchors, seconds)))
        else:
            print("\n".join(_lines(record, found, anchors, seconds)))
    return OK if found.difference is None else FAILED


def _decided_again(
    record: "Record",
    anchors: "Sequence[Anchor]",
    on_progress: Callable[[int], object],
    workplace: Workplace,
) -> "Verified":
    from portfold.coordinator.audit.record.pieces import prove_in_pieces
    from portfold.coordinator.audit.record.record import archive_of
    from portfold.coordinator.audit.record.verify import verify

    archive = archive_of(record)
    segments = archive.segments if archive is not None else ()
    place = workplace.place().at_most(len(segments))
    if workplace.jobs is None:
        place = place.at_most(sum(segment.events for segment in segments) // _WORTH_A_PROCESS)
    proved = None
    if place.jobs > 1 or place.cluster:
        with place.working(None) as pieces:
            proved = prove_in_pieces(record, pieces, anchors=anchors, on_progress=on_progress)
    return verify(record, anchors=anchors, on_progress=on_progress, begins=proved)


@contextmanager
def _readable() -> Iterator[None]:
    """Tells a record that cannot be read, exit code 2, from one that is not what it was, 1."""
    from portfold.coordinator.store.follower import LogDiffers, MovedAway
    from portfold.coordinator.store.segment import ArchiveError
    from portfold.events.wire.errors import BusError

    try:
        yield
    except (BusError, ArchiveError, MovedAway) as error:
        raise Unusable(error.with_remedy) from error
    except LogDiffers as error:
        raise Failure(str(error)) from error


def _check_portfolio(anchors: "Sequence[Anchor]", record: "Record") -> None:
    for anchor in anchors:
        if anchor.portfolio != record.portfolio:
            raise Unusable(f"--anchor: it is of portfolio {anchor.portfolio}, not of {record.portfolio}.")


# --- for people -------------------------------------------------------------------------------------------


def _lines(record: "Record", found: "Verified", anchors: "Sequence[Anchor]", seconds: float) -> list[str]:
    counted = f"{_count(found.events, 'event')} and {_count(found.decisions, 'decision')}"
    over = f"{_count(found.days, 'trading day')}"
    rate = f"{found.events / max(seconds, 0.001):,.0f} events a second"
    if found.difference is not None:
        return [
            *_difference_lines(found, found.difference, record),
            f"Before that {counted} of {over} were reproduced, byte for byte, at {rate}.",
        ]
    lines = [
        f"Reproduced: {record.shown}",
        f"{counted} of {over} decided again, byte for byte alike, in {seconds:,.1f} s: {rate}.",
        f"The chain leads to event {found.cursor}: {found.chain}",
    ]
    if found.not_decided_from is not None:
        lines.append(
            f"Not decided again: {_count(found.by_chain_alone, 'event')} from {found.not_decided_from} on. "
            "Another version of the rules decided there; its decisions are held to their chain alone."
        )
    if found.undecided:
        lines.append(f"Not decided yet: {_count(found.undecided, 'event')} after that.")
    if anchors:
        lines.append(_anchors_line(anchors))
    return lines


def _difference_lines(found: "Verified", unlike: "Difference", record: "Record") -> list[str]:
    from portfold.events.stream_id import ORIGIN

    proven = "Nothing before it is proven."
    if unlike.proven != ORIGIN:
        proven = (
            f"All up to event {unlike.proven}, {_moment(found, unlike.proven)}, is proven: what was altered "
            "lies behind it."
        )
    return [
        f"Differs: {record.shown}",
        f"At event {unlike.event}, {_moment(found, unlike.event)}:",
        unlike.sentence,
        f"  on record:     {_shown(unlike.recorded)}",
        f"  should stand:  {_shown(unlike.expected)}",
        proven,
    ]


def _anchors_line(anchors: "Sequence[Anchor]") -> str:
    last = anchors[-1]
    where = f"event {last.cursor}, made {last.made}"
    kept = "The anchor" if len(anchors) == 1 else f"All {len(anchors):,} anchors hold; the last one"
    return f"{kept}, at {where}, holds: history up to there is the same."


def _moment(found: "Verified", event: "StreamId") -> str:
    """Shows the event's time by the exchange's clock."""
    from portfold.coordinator.audit.record.moment import exchange_of

    at = exchange_of(found.state.limits).local(event.ms)
    return f"{at:%a %Y-%m-%d %H:%M:%S}.{event.ms % 1000:03} {at:%Z}"


def _shown(entry: "Entry | None") -> str:
    """Shows the entry with all its words, in such a way that none can steer a terminal."""
    if entry is None:
        return "nothing"
    pairs = zip(entry.fields[::2], [*entry.fields[1::2], ""], strict=False)
    return f"{entry.id} " + " ".join(f"{_plain(name)}={_plain(value)}" for name, value in pairs)


def _plain(word: str) -> str:
    import json

    quoted = json.dumps(word)
    return word if word and quoted == f'"{word}"' and " " not in word else quoted


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


# --- for programs -----------------------------------------------------------------------------------------


def _as_json(
    record: "Record", found: "Verified", anchors: "Sequence[Anchor]", seconds: float
) -> dict[str, object]:
    return {
        "reproduced": found.difference is None,
        "portfolio": record.portfolio,
        "record": record.shown,
        "events": found.events,
        "decisions": found.decisions,
        "days": found.days,
        "cursor": str(found.cursor),
        "chain": found.chain,
        "by_chain_alone": found.by_chain_alone,
        "not_decided_from": str(found.not_decided_from or ""),
        "undecided": found.undecided,
        "anchors": [anchor.cursor for anchor in anchors],
        "seconds": round(seconds, 3),
        "difference": _difference_as_json(found, found.difference) if found.difference else None,
    }


def _difference_as_json(found: "Verified", unlike: "Difference") -> dict[str, object]:
    return {
        "event": str(unlike.event),
        "time": _moment(found, unlike.event),
        "proven": str(unlike.proven),
        "sentence": unlike.sentence,
        "recorded": _entry_as_json(unlike.recorded),
        "expected": _entry_as_json(unlike.expected),
    }


def _entry_as_json(entry: "Entry | None") -> dict[str, object] | None:
    import msgspec

    from portfold.coordinator.store.entry_json import words_json

    return {"id": str(entry.id), "fields": msgspec.Raw(words_json(entry.fields))} if entry else None
