"""Bugs to plant in what is made of the account: each takes one safeguard out, as those of `planted`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from unittest import mock

from msgspec import structs

from portfold.coordinator.fold import state as fold_state
from portfold.coordinator.fold.account_state import Account
from portfold.coordinator.fold.closing import flatten, unowned
from portfold.coordinator.fold.effects import account, operator_orders
from portfold.coordinator.fold.rules import latching
from portfold.coordinator.fold.rules.limits import daily_loss
from portfold.coordinator.fold.state import Flatten, State, account_pnl
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition
from portfold.coordinator.views.view_field import view_in
from portfold.dollars import ZERO
from portfold.events.account import AccountReported
from portfold.events.decisions import Decision, PositionMismatch
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from portfold.workers.flattener.unowned import Unowned


@contextmanager
def _grace_begins_anew() -> Iterator[None]:
    """With each report the grace of what still differs begins anew."""
    compares = account.reported

    def reported(state: State, at: StreamId, event: AccountReported) -> list[Decision]:
        for one in state.account.differences.values() if state.account is not None else ():
            one.since_ms = event.as_of_ms
        return compares(state, at, event)

    with mock.patch.object(account, "reported", reported):
        yield


@contextmanager
def _compared_without_netting() -> Iterator[None]:
    """Of several positions in a symbol one is compared."""

    def net(state: State) -> dict[str, int]:
        held = state.positions.values()
        return {one.symbol: one.size if one.side == "long" else -one.size for one in held}

    with mock.patch.object(account, "net_positions", net):
        yield


@contextmanager
def _equity_compared_as_marked() -> Iterator[None]:
    """What is open is compared as well, although both mark it at different moments."""

    def expected(state: State, known: Account) -> Decimal:
        open_here = sum((held.unrealized for held in state.positions.values()), ZERO)
        return known.from_balance + state.net - known.from_net + open_here

    with mock.patch.object(account, "expected_equity", expected):
        yield


@contextmanager
def _dollars_of_before_are_compared() -> Iterator[None]:
    """What the account had before the log's latest close is compared as if it were of now."""

    def reported(state: State, at: StreamId, event: AccountReported) -> list[Decision]:
        return compares(state, at, structs.replace(event, equity_as_of_ms=0))

    compares = account.reported
    with mock.patch.object(account, "reported", reported):
        yield


@contextmanager
def _flat_by_an_older_report() -> Iterator[None]:
    """That the account was flat before the last close counts as well."""
    says = flatten.not_flat_at_broker

    def not_flat(state: State, episode: Flatten) -> str:
        why = says(state, episode)
        return "" if "has not been reported since" in why else why

    with mock.patch.object(flatten, "not_flat_at_broker", not_flat):
        yield


@contextmanager
def _unowned_is_left() -> Iterator[None]:
    """What nobody owns stays where it is when everything is flattened."""
    with ExitStack() as stack:
        for rule in (account, daily_loss, latching, operator_orders):
            stack.enter_context(mock.patch.object(rule, "take_unowned", return_value=[]))
        yield


@contextmanager
def _unowned_by_an_older_report() -> Iterator[None]:
    """What a report shows from before the last close is taken over as well, for the second time."""
    takes = unowned.take_unowned

    def take(state: State, at: StreamId, scopes: Sequence[Scope] | None = None) -> list[PositionMismatch]:
        if state.account is not None:
            state.account.moved_ms = 0
        return takes(state, at, scopes)

    with ExitStack() as stack:
        for rule in (account, daily_loss, latching, operator_orders):
            stack.enter_context(mock.patch.object(rule, "take_unowned", take))
        yield


@contextmanager
def _better_figure_counts() -> Iterator[None]:
    """Of the two figures of the day the better counts."""

    def better(state: State, known: Account, total: Decimal) -> Decimal:
        return max(total, account_pnl(state, known)) if known.as_of_ms else total

    with mock.patch.object(fold_state, "_worse_of_account", better):
        yield


@contextmanager
def _new_day_forgets() -> Iterator[None]:
    """What differs is forgotten when a trading day begins."""
    rolls = account.roll

    def roll(state: State, known: Account, since_ms: int) -> None:
        rolls(state, known, since_ms)
        known.differences.clear()

    with mock.patch.object(account, "roll", roll):
        yield


@contextmanager
def _older_report_is_taken() -> Iterator[None]:
    """A report counts that says less of now than the one before it."""

    def taken(known: Account | None, _at: StreamId, _event: AccountReported) -> str:
        return "" if known is not None else "no account is watched"

    with mock.patch.object(account, "_why_not_taken", taken):
        yield


@contextmanager
def _fill_on_its_way_goes_on_differing() -> Iterator[None]:
    """A fill that has arrived on the log counts as a difference until the next report."""
    with mock.patch.object(account, "arrived", return_value=[]):
        yield


@contextmanager
def _silence_is_not_told() -> Iterator[None]:
    """Nobody notices that the account is not reported any more."""
    with mock.patch.object(account, "silent_from", return_value=None):
        yield


# --- in the flattener ------------------------------------------------------------------------------------


@contextmanager
def _taken_over_by_a_log_that_is_behind() -> Iterator[None]:
    """What was closed of it, and is not decided yet, is taken over and closed again."""

    def shown(self: Unowned) -> Sequence[ShownPosition]:
        return (view_in(self._bus.status()) or PortfolioView()).positions

    with mock.patch.object(Unowned, "_open_on_the_log", shown):
        yield


ACCOUNT_PLANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "grace-begins-anew": _grace_begins_anew,
    "compared-without-netting": _compared_without_netting,
    "equity-compared-as-marked": _equity_compared_as_marked,
    "dollars-of-before-are-compared": _dollars_of_before_are_compared,
    "flat-by-an-older-report": _flat_by_an_older_report,
    "unowned-is-left": _unowned_is_left,
    "unowned-by-an-older-report": _unowned_by_an_older_report,
    "better-figure-counts": _better_figure_counts,
    "new-day-forgets": _new_day_forgets,
    "older-report-is-taken": _older_report_is_taken,
    "fill-on-its-way-goes-on-differing": _fill_on_its_way_goes_on_differing,
    "silence-is-not-told": _silence_is_not_told,
    "taken-over-by-a-log-that-is-behind": _taken_over_by_a_log_that_is_behind,
}
"""By the names that `--plant` takes."""
