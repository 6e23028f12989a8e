"""Where so configured an account that is not reported denies every entry: nobody compares it."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects before the first report, and once the account has fallen silent."""
    account = state.account
    if account is None or not limits.account_silence_denies or (account.as_of_ms and not account.silent):
        return None
    heard = "has fallen silent" if account.as_of_ms else "has not been reported yet"
    return Denial("account_silent", f"Account {account.account} {heard}: start portfold account")


RULE = Rule("account_silent", may_enter, ("account_silent_ms", "account_silence_denies"))
