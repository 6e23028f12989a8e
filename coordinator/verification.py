"""An archive verified by itself, without a server: every file, every hash, every decision made again.

What it proves: the segments are, byte for byte, the ones that were listed; each follows on the one before;
their decisions are what this version of the fold makes of their events; and the state that archive.json keeps
is the one they lead to. Segments that another version of the fold has decided are held to the chain alone,
and counted as such.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from coordinator.archive import LISTING, Archive, Segment
from coordinator.fold import FOLD_VERSION
from coordinator.follower import Follower
from coordinator.recorded import Recorded, chain_after, difference
from coordinator.segment import ArchiveError
from coordinator.snapshot import snapshot_text
from events.chain import GENESIS


class Verified(Struct):
    """What was found right. `by_chain_alone` counts events of segments of another fold."""

    portfolio: str
    segments: int = 0
    events: int = 0
    decisions: int = 0
    by_chain_alone: int = 0
    unlisted: int = 0


def verify_archive(folder: Path, see: Callable[[Segment], object] | None = None) -> Verified:
    """Verifies the archive in `folder`; shows `see` each segment that is right. Raises ArchiveError."""
    archive = Archive.open(folder)
    walk = _Walk()
    found = Verified(archive.portfolio, unlisted=len(archive.unlisted()))
    for number, segment in enumerate(archive.segments, start=1):
        walk.begin(segment)
        for recorded in archive.recorded_in(number):
            unlike = walk.difference(recorded)
            if unlike:
                raise ArchiveError(
                    folder / segment.file, f"this segment is not what was decided. {unlike} Restore it."
                )
        if walk.chain != segment.chain:
            raise ArchiveError(
                folder / segment.file, "this segment's last chain is not that of its entries. Restore it."
            )
        found.segments += 1
        found.events += segment.events
        found.decisions += segment.decisions
        found.by_chain_alone += 0 if walk.decides else segment.events
        if see is not None:
            see(segment)
    if walk.decides and walk.text != archive.place_text:
        raise ArchiveError(folder / LISTING, "the state in it is not the one that its segments lead to.")
    return found


class _Walk:
    """Goes along the log: decides as long as the fold is ours, afterwards only chains."""

    def __init__(self) -> None:
        self._follower = Follower()
        self.decides = True
        self.chain = GENESIS

    def begin(self, segment: Segment) -> None:
        """The next segment."""
        self.decides = self.decides and segment.fold == FOLD_VERSION

    def difference(self, recorded: Recorded) -> str:
        """What is not right about the next event; nothing when all is."""
        if not self.decides:
            self.chain = chain_after(self.chain, recorded)
            if recorded.decisions and recorded.decisions[-1].fields[-1] != self.chain:
                return f"The chain on the decisions of event {recorded.event.id} is not theirs."
            return ""
        decided = self._follower.advance(recorded.event.id, recorded.event.fields)
        self.chain = decided.chain
        return difference(decided, recorded)

    @property
    def text(self) -> str:
        """The state at the end, as it is kept."""
        return snapshot_text(self._follower.place)
