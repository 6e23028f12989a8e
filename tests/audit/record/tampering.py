"""A log of which the first part was archived, and somebody who can do anything to the rest."""

import gzip
import hashlib
import json
from pathlib import Path

import msgspec

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import LISTING
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.recorded import Difference
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past


class Scene:
    """A log of which the first part was archived, and somebody who can do anything to the rest."""

    def __init__(self, past: Past, archive: Path) -> None:
        past.happens(600)
        archive_history(past.bus, archive, Keep(events=300), segment_events=100)
        self.past, self.archive = past, archive
        self.events, self.decisions = past.whole()

    def rewrites(self) -> None:
        """Puts `events` and `decisions` on the server as they are now, in the place of what is there."""
        keys = self.past.bus.keys
        with self.past.client.pipeline() as commands:
            for key, entries in ((keys.events, self.events), (keys.decisions, self.decisions)):
                commands.delete(key)
                for at, fields in entries:
                    words = [word.encode("utf-8", "surrogateescape") for word in fields]
                    commands.execute_command("XADD", key, str(at), *words)
            commands.execute()

    def says_of_event(self, index: int, name: str, value: str) -> None:
        """Exchanges the value of a field."""
        self.events[index] = exchanged(self.events[index], name, value)

    def first_event(self, kind: str, after: int = 20) -> int:
        """The place of an event of this kind."""
        return next(index for index in range(after, len(self.events)) if self.events[index].fields[1] == kind)

    def first_decision(self, kind: str, after: int = 20) -> int:
        """The place of a decision of this kind."""
        return next(
            index for index in range(after, len(self.decisions)) if self.decisions[index].fields[1] == kind
        )

    def difference(self) -> Difference:
        """What verifying finds."""
        self.rewrites()
        found = verify(LiveRecord(self.past.bus, self.archive)).difference
        assert found is not None
        return found


def exchanged(entry: Entry, name: str, value: str) -> Entry:
    """The entry with another value for a field."""
    fields = list(entry.fields)
    fields[fields.index(name) + 1] = value
    return Entry(entry.id, fields)


def forge_last(archive: Path, was: bytes, becomes: bytes) -> StreamId:
    """Exchanges a word in the last segment, and every hash that tells; returns the entry that has it."""
    listing = json.loads((archive / LISTING).read_bytes())
    listed = listing["segments"][-1]
    path = archive / listed["file"]
    *lines, closing = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    index = next(index for index, line in enumerate(lines) if was in line)
    lines[index] = lines[index].replace(was, becomes)
    sealed = json.loads(closing) | {"sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    path.write_bytes(gzip.compress(b"".join([*lines, msgspec.json.encode(sealed), b"\n"]), mtime=0))
    listed |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    listing["sha256"] = hashlib.sha256(msgspec.json.encode(listing | {"sha256": ""})).hexdigest()
    (archive / LISTING).write_bytes(msgspec.json.format(msgspec.json.encode(listing), indent=1) + b"\n")
    return StreamId.parse(json.loads(lines[index])[1])
