"""Which account may be traded: a paper account by itself, a live one only when it is named. Pure.

Interactive Brokers' paper accounts begin with DU (of advisors with DF); live ones with U, F or I.
"""

from collections.abc import Sequence

from portfold.workers.brokers.protocol import BrokerError

_PAPER = ("DU", "DF")


class AccountRefused(BrokerError):
    """The gateway is logged in to an account that nobody said may be traded."""


def is_paper_account(account: str) -> bool:
    """Returns whether no money is in it."""
    return account.startswith(_PAPER)


def check_account(accounts: Sequence[str], named: str | None) -> str:
    """Returns the account to trade of those that the gateway has. Raises AccountRefused."""
    there = ", ".join(accounts) or "none"
    if named is not None:
        if named not in accounts:
            raise AccountRefused(f"Expected account {named} at the gateway, which has {there}")
        return named
    if len(accounts) != 1:
        raise AccountRefused(f"The gateway has the accounts {there}: name one in broker.options.account")
    (account,) = accounts
    if not is_paper_account(account):
        raise AccountRefused(
            f"The gateway is logged in to {account}, which is no paper account (those begin with DU): log in "
            "to paper, or name the account in broker.options.account to trade it for real"
        )
    return account
