"""After any trouble at the gateway the books are what the account is, and nothing was sent twice."""

import pytest

from tests.workers.brokers.ibkr.trouble import Trouble
from tests.workers.brokers.ibkr.tws_desk import Desk


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_one_after_the_other_books_and_account_agree(desk: Desk, seed: int) -> None:
    day = Trouble(desk, seed)
    day.one_after_the_other(60)
    day.make_peace()
    day.check()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_all_at_once_books_and_account_agree(desk: Desk, seed: int) -> None:
    day = Trouble(desk, seed)
    day.all_at_once(50)
    day.make_peace()
    day.check()
