"""The person who looks at the account and does what the documentation says, where something told him to.

What nobody names he does not see: so where log and account differ in silence, they go on differing.
"""

from portfold.coordinator.fold.state import leg_key
from tests.cli.command_line import called
from tests.kills.account import Account, rows
from tests.kills.trading_lives import Desk
from tests.live import Live

_UNSETTLED = "SELECT id FROM orders WHERE state IN ('unknown', 'flattened') ORDER BY rowid"
"""What is being sent is not his business: whoever sends it may live."""
_SIGNED = ("--by", "ann", "--reason", "looked at the account")


class Person:
    """Ann, of the operations desk. `did` says what she has done."""

    def __init__(self, desk: Desk, live: Live, account: Account) -> None:
        self._desk = desk
        self._live = live
        self._account = account
        self.did: list[str] = []

    def looks(self) -> bool:
        """Settles one thing that is named as unsettled, if there is one that can be settled now."""
        return self._reconciles() or self._settles()

    def _reconciles(self) -> bool:
        """The orders of which nobody knows, the oldest first."""
        for (order,) in rows(self._desk.book, _UNSETTLED):
            how = "--filled" if self._account.did(order) else "--not-filled"
            if self._says("reconcile", order, how, "--book", str(self._desk.book)):
                return True
        return False

    def _settles(self) -> bool:
        """What the status names as different, by what the account holds."""
        for key, odd in self._live.state.unsettled.items():
            long = key == leg_key(odd.symbol, "long", odd.worker)
            held = self._account.held().get((odd.worker, odd.symbol), 0)
            size = max(0, held if long else -held)
            words = ("--size", str(size), "--side", "long" if long else "short", "--price", "1000")
            return self._says("settle", odd.symbol, odd.worker, *words)
        return False

    def _says(self, *words: str) -> bool:
        desk = self._desk
        where = ("--url", desk.url, "--portfolio", desk.portfolio, "--config", str(desk.config))
        ran = called(*words, *_SIGNED, *where, cwd=desk.config)
        self.did.append(f"{' '.join(words)}: {ran.code} {ran.out.strip()} {ran.err.strip()}")
        return ran.code == 0
