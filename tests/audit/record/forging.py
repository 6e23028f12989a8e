"""Archives forged in all ways: with files that are damaged, and with files that agree with each other."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archive import LISTING, Archive
from portfold.coordinator.store.checkpoints import Kept
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.coordinator.store.segment import write_segment
from portfold.coordinator.store.snapshot import Checkpoint, beginning, snapshot_text
from portfold.events.chain import GENESIS
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.test_damage import (
    cut_off,
    forge,
    forged,
    no_gzip,
    with_a_word_exchanged,
    with_more_behind_it,
    with_two_lines_exchanged,
    without_its_closing,
)
from tests.audit.in_memory import InMemory

Stretch = list[Recorded]
Forgery = Callable[[Path, int], None]
"""Does something to the segment with that number, or beside it."""


def write_archive(folder: Path, record: InMemory, each: int) -> None:
    """Writes an archive of the record as an archiver does, in segments of at least so many events."""
    archive, follower, leader = Archive.open_or_begin(folder, record.portfolio), Follower(), "host.1.abc"
    stretch: Stretch = []
    for recorded in record.all:
        stretch.append(recorded)
        follower.advance(*recorded.event)
        if len(stretch) >= each and recorded.decisions:
            opening = archive.next_opening(str(stretch[0].event.id))
            closing = write_segment(archive.next_path(), opening, stretch, lambda: follower.chain)
            archive.list_next(opening, closing, follower.checkpoint, leader)
            stretch = []


def stretches_in(folder: Path) -> list[Stretch]:
    archive = Archive.open(folder)
    return [list(archive.recorded_in(number + 1)) for number in range(len(archive.segments))]


def states_in(folder: Path) -> list[Kept]:
    archive = Archive.open(folder)
    kept = [archive.kept_after(number + 1) for number in range(len(archive.segments))]
    return [one for one in kept if one is not None]


def write_anew(folder: Path, stretches: Sequence[Stretch], states: Sequence[State], leader: str) -> None:
    """Writes all segments with these entries and these states after them; every hash fits."""
    portfolio = Archive.open(folder).portfolio
    archive, chain = Archive(folder, portfolio, (), snapshot_text(beginning())), GENESIS
    for stretch, state in zip(stretches, states, strict=True):
        for recorded in stretch:
            chain = chain_after(chain, recorded)
        opening = archive.next_opening(str(stretch[0].event.id))
        closing = write_segment(archive.next_path(), opening, stretch, partial(str, chain))
        after = Checkpoint(state, StreamId.parse(closing.last), closing.chain)
        archive.list_next(opening, closing, after, leader)


def _entries(alter: Callable[[Stretch], object]) -> Forgery:
    """Alters the entries of one segment, and has all that is written down about them fit."""

    def forgery(folder: Path, number: int) -> None:
        stretches, kept = stretches_in(folder), states_in(folder)
        alter(stretches[number - 1])
        write_anew(folder, stretches, [one.checkpoint.state for one in kept], kept[-1].leader)

    return forgery


def _says_otherwise(stretch: Stretch) -> None:
    index = next(index for index, one in enumerate(stretch) if one.decisions)
    event, (decision, *others) = stretch[index]
    stretch[index] = Recorded(event, [Entry(decision.id, ["type", "Other", *decision.fields[2:]]), *others])


def _has_one_event_less(stretch: Stretch) -> None:
    del stretch[next(index for index, one in enumerate(stretch) if index and not one.decisions)]


def _has_one_event_more(stretch: Stretch) -> None:
    at = stretch[1].event.id
    stretch.insert(2, Recorded(Entry(StreamId(at.ms, at.seq + 1), ["type", "ClockTicked"]), []))


def _has_two_exchanged(stretch: Stretch) -> None:
    one, two = stretch[2], stretch[3]
    stretch[2] = Recorded(Entry(one.event.id, two.event.fields), one.decisions)
    stretch[3] = Recorded(Entry(two.event.id, one.event.fields), two.decisions)


def _goes_back_in_time(stretch: Stretch) -> None:
    stretch[2], stretch[3] = stretch[3], stretch[2]


def _lacks_a_decision(stretch: Stretch) -> None:
    index = next(index for index, one in enumerate(stretch) if one.decisions)
    stretch[index].decisions.pop(0)


def _has_a_decision_more(stretch: Stretch) -> None:
    event, decisions = stretch[4]
    decisions.append(Entry(StreamId(event.id.ms, event.id.seq * 100 + 99), ["type", "Other"]))


def _ends_without_a_decision(stretch: Stretch) -> None:
    stretch[-1].decisions.clear()


def _state(folder: Path, number: int) -> None:
    kept = states_in(folder)
    kept[number - 1].checkpoint.state.day.realized += 1000
    states = [one.checkpoint.state for one in kept]
    write_anew(folder, stretches_in(folder), states, kept[-1].leader)


def _leader(folder: Path, _: int) -> None:
    states = [one.checkpoint.state for one in states_in(folder)]
    write_anew(folder, stretches_in(folder), states, "somebody else")


def _all_that_follows_from_a_state(folder: Path, number: int) -> None:
    """Decides all that follows anew from a forged state: each piece is right by itself."""
    stretches, kept = stretches_in(folder), states_in(folder)
    follower = Follower(kept[number - 1].checkpoint)
    follower.state.day.realized -= 100_000
    states = [deepcopy(one.checkpoint.state) for one in kept[:number]]
    for place, stretch in enumerate(stretches[number:], start=number):
        decided = [follower.advance(one.event.id, one.event.fields) for one in stretch]
        stretches[place] = [
            Recorded(one.event, [Entry(*entry) for entry in made.entries])
            for one, made in zip(stretch, decided, strict=True)
        ]
        states.append(deepcopy(follower.state))
    write_anew(folder, stretches, states, kept[-1].leader)


def _file(alter: Callable[[bytes], bytes], pattern: str = "segment-{:06}.jsonl.gz") -> Forgery:
    """Alters a file, and nothing that is written about it."""

    def forgery(folder: Path, number: int) -> None:
        path = folder / pattern.format(number)
        path.write_bytes(alter(path.read_bytes()))

    return forgery


def _missing(pattern: str) -> Forgery:
    return lambda folder, number: (folder / pattern.format(number)).unlink()


def _listed(**values: object) -> Forgery:
    """Alters what is listed of the segment."""

    def forgery(folder: Path, number: int) -> None:
        segments = json.loads((folder / LISTING).read_text())["segments"]
        segments[number - 1] |= values
        forge(folder, segments=segments)

    return forgery


def _listed_with_an_earlier_end(folder: Path, number: int) -> None:
    earlier = stretches_in(folder)[number - 1][-2].event.id
    _listed(last=str(earlier))(folder, number)


def _exchanged(pattern: str) -> Forgery:
    def forgery(folder: Path, number: int) -> None:
        one, other = (folder / pattern.format(each) for each in (number, number % 4 + 1))
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    return forgery


_STATE = "checkpoint-{:06}.json.gz"
_SEGMENT = "segment-{:06}.jsonl.gz"

FORGERIES: dict[str, Forgery] = {
    "a decision says otherwise": _entries(_says_otherwise),
    "an event less": _entries(_has_one_event_less),
    "an event more": _entries(_has_one_event_more),
    "two events exchanged": _entries(_has_two_exchanged),
    "a decision less": _entries(_lacks_a_decision),
    "a decision more": _entries(_has_a_decision_more),
    "an end without a decision": _entries(_ends_without_a_decision),
    "time goes back": _entries(_goes_back_in_time),
    "a state": _state,
    "who led": _leader,
    "all that follows from a state": _all_that_follows_from_a_state,
    "cut off": _file(cut_off),
    "no closing": _file(without_its_closing),
    "a word": _file(with_a_word_exchanged),
    "two lines": _file(with_two_lines_exchanged),
    "more behind it": _file(with_more_behind_it),
    "no gzip": _file(no_gzip),
    "an answer": _file(forged),
    "no segment": _missing(_SEGMENT),
    "segments exchanged": _exchanged(_SEGMENT),
    "no state": _missing(_STATE),
    "a state that is empty": _file(lambda _: b"", _STATE),
    "a state cut off": _file(cut_off, _STATE),
    "states exchanged": _exchanged(_STATE),
    "another chain listed": _listed(chain="f" * 64),
    "another file listed": _listed(sha256="f" * 64),
    "another state listed": _listed(checkpoint="f" * 64),
    "an earlier end listed": _listed_with_an_earlier_end,
    "a far end listed": _listed(last="1836119300000-0"),
}
