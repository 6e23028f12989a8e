"""`portfold account cash`: what was paid in or out, so that no limit takes it for a profit or a loss."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Unusable
from portfold.cli.operate.orders import Who, Why
from portfold.cli.operate.own_name import USER
from portfold.cli.ordering import print_outcome, put
from portfold.cli.target import Target

_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(cash)


def cash(
    amount: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    by: Who = USER,
    reason: Why,
    target: Target = _TARGET,
) -> None:
    """Record dollars that were paid into the account, or out of it.

    The equity moves by it, and what the broker's account is expected to hold; it is no profit and no loss.
    Exit code 1 where no start_balance is in force and no account is watched.

    For example:

        portfold account cash +500 --by jane --reason "wire of today"
        portfold account cash -1200 --by jane --reason payout

    Parameters
    ----------
    amount
        Dollars, as +500 paid in or -1200 paid out.
    """
    from portfold.events.account import CashMoved

    try:
        dollars = Decimal(amount)
    except InvalidOperation as error:
        raise Unusable(f"amount: expected dollars such as +500 or -1200, got {amount[:80]!r}.") from error
    if not dollars:
        raise Unusable("amount: expected dollars that were paid in or out, got 0.")
    bus = target.bus()
    order = CashMoved(by=by, reason=reason, amount=dollars)
    print_outcome(bus, put(bus, order), "The cash is recorded.")
