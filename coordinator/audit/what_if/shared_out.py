"""A sweep in pieces: its questions are shared out, and each share is asked of the whole record.

The record is read once, and sent along compressed, some forty bytes an event; each share decides it again
beside its own books. So it comes to what one reading with all questions comes to.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from portfold.coordinator.audit.what_if.overrides import Overrides
from portfold.coordinator.audit.what_if.sweep import Point, Range, asked, questions_of
from portfold.coordinator.audit.what_if.tally import Tally
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from portfold.pieces.pieces import in_order, shares
from portfold.pieces.place import Place

_IN_A_BLOCK = 2_000
_FAST = 1  # of zlib: it is sent, not kept

Packed = tuple[bytes, ...]
"""A record, in blocks."""
_Line = tuple[int, int, list[str]]


def sweep_in_pieces(
    recorded: Iterable[Recorded],
    ranges: Sequence[Range],
    fixed: Mapping[str, str],
    place: Place,
    on_answered: Callable[[int], object] = lambda _: None,
) -> list[Point]:
    """Asks as `sweep` does, at that place; tells `on_answered` how many questions are done.

    Raises what `sweep` raises, WorkLost, ClusterUnusable, ClusterUnreachable.
    """
    questions = questions_of(ranges, fixed)
    tallies: list[Tally] = []
    with place.at_most(len(questions)).working(tuple(_packed(recorded))) as pieces:
        each = [[questions[number][1] for number in share] for share in shares(len(questions), pieces.width)]
        for answered in in_order(pieces, _asked, each):
            tallies += answered
            on_answered(len(tallies))
    return [Point(values, tally) for (values, _), tally in zip(questions, tallies, strict=True)]


def _asked(packed: Packed, questions: Sequence[Overrides]) -> list[Tally]:
    """Asks a share of the questions: a piece."""
    return asked(_unpacked(packed), questions)


def _packed(recorded: Iterable[Recorded]) -> Iterator[bytes]:
    block: list[tuple[_Line, list[_Line]]] = []
    for one in recorded:
        block.append((_line(one.event), [_line(decision) for decision in one.decisions]))
        if len(block) == _IN_A_BLOCK:
            yield zlib.compress(msgspec.msgpack.encode(block), _FAST)
            block = []
    yield zlib.compress(msgspec.msgpack.encode(block), _FAST)


def _unpacked(packed: Packed) -> Iterator[Recorded]:
    for block in packed:
        lines = msgspec.msgpack.decode(zlib.decompress(block), type=list[tuple[_Line, list[_Line]]])
        for event, decisions in lines:
            yield Recorded(_entry(event), [_entry(decision) for decision in decisions])


def _line(entry: Entry) -> _Line:
    return entry.id.ms, entry.id.seq, entry.fields


def _entry(line: _Line) -> Entry:
    ms, seq, fields = line
    return Entry(StreamId(ms, seq), fields)
