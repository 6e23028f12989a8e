"""What an earlier version of the fold has decided is decided again alike, though rules have changed since.

`record_of_version_4.jsonl` was written by portfold as it was when version 4 led, in a schedule of the
simulation: garbage and forged events, lost workers, stops, flattens and resumes are in it.
"""

import json
from pathlib import Path

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.events.chain import GENESIS
from portfold.events.stream_id import StreamId

RECORD = Path(__file__).with_name("record_of_version_4.jsonl")


def test_a_record_of_version_4_is_decided_again_to_the_last_byte() -> None:
    lines = [json.loads(line) for line in RECORD.read_text().splitlines()]
    state, chain, decided = State(), GENESIS, list[tuple[str, list[str]]]()
    for kind, at, fields in lines:
        if kind == "event":
            found = decide(state, chain, StreamId.parse(at), fields)
            chain = found.chain
            decided += [(str(name), text) for name, text in found.entries]
    assert decided == [(at, fields) for kind, at, fields in lines if kind == "decision"]
    assert state.fold_version < FOLD_VERSION, "it is another version's"
    sentences = json.dumps(decided)
    assert "is lost" in sentences
    assert "type: expected one of EntryRequested, EntryWithdrawn, PositionOpened" in sentences
