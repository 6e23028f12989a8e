"""`portfold limits` and the account: what can be ordered, and that only a person ends a watch."""

from decimal import Decimal
from pathlib import Path

from portfold.cli.exits import OK, UNUSABLE
from portfold.coordinator.configured import how_to_order
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.views.order_outcome import limits_ordered
from portfold.events.limits_changed import LimitsChanged
from tests.cli.command_line import Ran, called
from tests.coordinator.story import limits
from tests.live import Live
from tests.server import EmbeddedServer

BY = ("--by", "ann", "--reason", "x")
WATCHED = limits(
    account="DU1",
    account_grace_ms=10_000,
    account_tolerance=Decimal(5),
    account_silent_ms=30_000,
    account_silence_denies=True,
)


class Orders:
    """A portfolio with limits, and the command."""

    def __init__(self, live: Live, server: EmbeddedServer, folder: Path, in_force: LimitsChanged) -> None:
        self._bus = live.bus
        self._where = ("--url", server.url, "--portfolio", live.keys.name)
        self._folder = folder
        live.publishes(in_force)

    def orders(self, *words: str) -> Ran:
        return called("limits", *words, *BY, *self._where, cwd=self._folder)

    @property
    def in_force(self) -> Limits:
        found = limits_ordered(self._bus).limits
        assert found is not None
        return found


def test_only_what_is_named_changes_in_the_units_of_the_file(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    desk = Orders(live, server, tmp_path, WATCHED)
    ran = desk.orders("--account-grace-seconds", "2.5", "--account-on-silence", "tell")
    assert ran.code == OK, ran.err
    found = desk.in_force
    assert (found.account, found.account_grace_ms, found.account_silence_denies) == ("DU1", 2_500, False)
    assert (found.account_tolerance, found.account_silent_ms) == (Decimal(5), 30_000)


def test_a_watch_ends_by_order_and_begins_with_what_is_usual(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    desk = Orders(live, server, tmp_path, WATCHED)
    assert desk.orders("--no-account").code == OK
    found = desk.in_force
    assert (found.account, found.account_grace_ms, found.account_silence_denies) == ("", 0, False)
    alone = desk.orders("--account-tolerance", "9")
    assert (alone.code, alone.out) == (UNUSABLE, "")
    assert "none is watched yet" in alone.err
    assert desk.orders("--account", "DU2", "--account-tolerance", "9.50").code == OK
    found = desk.in_force
    assert (found.account, found.account_grace_ms, found.account_silent_ms) == ("DU2", 10_000, 30_000)
    assert found.account_tolerance == Decimal("9.5")


def test_none_and_another_are_not_ordered_at_once(live: Live, server: EmbeddedServer, tmp_path: Path) -> None:
    desk = Orders(live, server, tmp_path, WATCHED)
    ran = desk.orders("--no-account", "--account", "DU2")
    assert (ran.code, desk.in_force.account) == (UNUSABLE, "DU1")


def test_the_remedy_for_another_file_is_a_command_that_is_taken(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    desk = Orders(live, server, tmp_path, limits())
    every = [name for name in LimitsChanged.__struct_fields__ if name.startswith("account")]
    order = how_to_order(WATCHED, every).replace("--by NAME --reason TEXT", "")
    assert desk.orders(*order.split()[2:]).code == OK
    assert desk.in_force.account_silence_denies
    ends = how_to_order(limits(), every).replace("--by NAME --reason TEXT", "")
    assert ends.split() == ["portfold", "limits", "--no-account"]
    assert desk.orders("--no-account").code == OK
    assert desk.in_force.account == ""
