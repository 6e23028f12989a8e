"""The ladder: how many contracts there may be in all, by the equity at the end of the trading day before.

It changes at the roll alone, whatever the day makes or is paid in; below its lowest step nothing is entered.
Where `max_contracts` is the smaller, that is the limit, and its rule says so.
"""

from decimal import Decimal

from portfold.by_name import contracts_at
from portfold.coordinator.fold.equity import equity
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Capital
from portfold.coordinator.fold.rules.limits.occupied import occupied
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.fold.taken import contracts_counted, weighed
from portfold.dollars import ZERO, plain_count, shown
from portfold.events.incoming import EntryRequested

_CODE = "contracts_ladder"


def note_at_roll(state: State, limits: Limits, capital: Capital) -> None:
    """Notes the equity with which a trading day ends; called before the next one begins."""
    capital.at_roll = equity(state, capital, realized=False) if limits.contracts_ladder else None


def note_first(state: State, limits: Limits, capital: Capital) -> None:
    """Notes the equity at which a ladder comes into force, in the middle of a day.

    What the day has made up to then is left out: it is not of the day before.
    """
    if not limits.contracts_ladder:
        capital.at_roll = None
    elif capital.at_roll is None:
        capital.at_roll = equity(state, capital, realized=False) - max(ZERO, daily_pnl(state))


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where what is asked would be more than the ladder allows."""
    at_roll = _at_roll(state, limits)
    if at_roll is None:
        return None
    most = contracts_at(limits.contracts_ladder, at_roll)
    used, more = contracts_counted(state, limits), weighed(limits, request.symbol, request.size)
    if used + more <= most or limits.max_contracts < most:
        return None
    return Denial(
        _CODE,
        f"Max contracts ({most}) of the ladder at {shown(at_roll)} of equity at the day's beginning reached: "
        f"{plain_count(used)} used, {plain_count(more)} more asked. {occupied(state)}".rstrip(),
    )


def read(state: State, limits: Limits) -> Reading | None:
    """Returns the contracts taken against those of the step."""
    at_roll = _at_roll(state, limits)
    if at_roll is None:
        return None
    used, most = contracts_counted(state, limits), Decimal(contracts_at(limits.contracts_ladder, at_roll))
    about = f"open or reserved; the day began with an equity of {shown(at_roll)}"
    return Reading("contracts", most, used, max(ZERO, most - used), most, about)


def _at_roll(state: State, limits: Limits) -> Decimal | None:
    return state.capital.at_roll if state.capital is not None and limits.contracts_ladder else None


RULE = Rule(_CODE, may_enter, (_CODE,), read=read)
