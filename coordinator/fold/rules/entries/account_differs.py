"""What account and log say otherwise, for longer than the grace, denies entries in it."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.account import EQUITY
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where the symbol differs, and everywhere where the equity does."""
    differences = state.account.differences if state.account is not None else {}
    for subject in (request.symbol, EQUITY):
        found = differences.get(subject)
        if found is not None and found.stands:
            return Denial(
                "account_differs",
                f"Account {limits.account} differs in {subject}: the log says {found.log}, the account "
                f"{found.reported}: portfold reconcile",
            )
    return None


RULE = Rule("account_differs", may_enter, ("account_grace_ms", "account_tolerance"))
