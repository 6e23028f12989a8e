"""The names of everything a portfolio keeps in Redis: the one place they are spelled.

All share the hash tag `{name}`, so a Redis Cluster keeps one portfolio on one node.
"""

from typing import NamedTuple


class Keys(NamedTuple):
    """The keys of the portfolio called `name`."""

    name: str

    @property
    def prefix(self) -> str:
        return f"portfolio:{{{self.name}}}"

    @property
    def events(self) -> str:
        """Stream: every event for the coordinator."""
        return f"{self.prefix}:events"

    @property
    def decisions(self) -> str:
        """Stream: every decision of the coordinator."""
        return f"{self.prefix}:decisions"

    @property
    def status(self) -> str:
        """Hash: the answer to "how are we?"."""
        return f"{self.prefix}:status"

    @property
    def head(self) -> str:
        """Hash: `epoch` and whose that is (`leads`), `cursor`, `chain`, `folded`, `server`."""
        return f"{self.prefix}:head"

    @property
    def log(self) -> str:
        """String: the name that only this log has; empty for one that is older than such names."""
        return f"{self.prefix}:log"

    @property
    def snapshot(self) -> str:
        """String: state at a cursor. A cache, never the truth."""
        return f"{self.prefix}:snapshot"

    @property
    def archive(self) -> str:
        """Hash: `up_to`, the last event that was moved to an archive, and `folder`, where that is."""
        return f"{self.prefix}:archive"

    @property
    def leader(self) -> str:
        """String with an expiry: who leads."""
        return f"{self.prefix}:leader"

    @property
    def standby(self) -> str:
        """String with an expiry: who is ready to lead next; of several, the latest to stand by."""
        return f"{self.prefix}:standby"

    def worker(self, worker: str) -> str:
        """String with an expiry: the worker's heartbeat."""
        return f"{self.prefix}:worker:{worker}"

    def claim(self, worker: str) -> str:
        """String with an expiry: which process trades under a worker's name, or alerts about a subject."""
        return f"{self.prefix}:claim:{worker}"

    @property
    def book_lacks(self) -> str:
        """String with an expiry: what is open and not in the flattener's book, as the flattener found."""
        return f"{self.prefix}:book-lacks"

    @property
    def book_exceeds(self) -> str:
        """String with an expiry: what the flattener's book holds and the log does not, as it found."""
        return f"{self.prefix}:book-exceeds"

    @property
    def without_stop(self) -> str:
        """String with an expiry: what is open and lacks its protective stop, as the flattener found."""
        return f"{self.prefix}:without-stop"

    @property
    def less_than_expected(self) -> str:
        """String with an expiry: that less is made than was expected, as a notifier found."""
        return f"{self.prefix}:less-than-expected"

    @property
    def dead_mans_switch(self) -> str:
        """String with an expiry: when the dead man's switch was last pressed, and what keeps it from that."""
        return f"{self.prefix}:dead-mans-switch"

    def notifier(self, destination: str) -> str:
        """Hash: how far alerts were delivered to a destination, and what is needed to go on from there."""
        return f"{self.prefix}:notifier:{destination}"

    def notifier_lease(self, destination: str) -> str:
        """String with an expiry: which notifier delivers to that destination."""
        return f"{self.prefix}:notifier-lease:{destination}"

    @property
    def killswitch(self) -> str:
        """Stream: orders to flatten that go to the workers past the coordinator."""
        return f"{self.prefix}:killswitch"

    @property
    def bars(self) -> str:
        """Stream, bounded: the market's minutes, step by step; where the clock is driven, a conductor's."""
        return f"{self.prefix}:bars"

    @property
    def prices(self) -> str:
        """Hash: each symbol's last price, when that was made, by which source, and of which contract."""
        return f"{self.prefix}:prices"

    @property
    def contracts(self) -> str:
        """Hash: the contract that each symbol is, and its last day, as the market's source says."""
        return f"{self.prefix}:contracts"

    @property
    def feed(self) -> str:
        """String with an expiry: which process feeds the market's data."""
        return f"{self.prefix}:feed"

    @property
    def feed_head(self) -> str:
        """Hash: `epoch`, the number of the feed's term, and whose that is (`leads`)."""
        return f"{self.prefix}:feed-head"

    @property
    def feed_notices(self) -> str:
        """Hash: what people have to know of the market's data, by subject."""
        return f"{self.prefix}:feed-notices"

    @property
    def steps(self) -> str:
        """Stream, only where the clock is driven: workers report here which bar they are done with."""
        return f"{self.prefix}:steps"
