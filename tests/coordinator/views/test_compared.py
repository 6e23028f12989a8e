"""Log, books and account side by side: what each says, and the command that would settle what differs."""

from decimal import Decimal

from portfold.coordinator.views.compared import (
    Believed,
    Books,
    Remedy,
    compared,
    effect_of_settling,
    remedies,
)
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId
from tests.coordinator.fold.account.watched import says
from tests.coordinator.story import SECOND, Story

GRACE = 10 * SECOND
WHO = "--by NAME --reason TEXT"
NO_BOOK = Books(())


def watched() -> Story:
    story = Story(account="DU1", account_grace_ms=GRACE, account_tolerance=Decimal(5))
    story.account_says("50000")
    return story


def view_of(story: Story) -> PortfolioView:
    return portfolio_view(story.state, StreamId(story.ms, 0))


def lasts(story: Story, equity: str, positions: str = "") -> PortfolioView:
    """The account says this for longer than the grace."""
    story.account_says(equity, positions)
    story.account_says(equity, positions, after=GRACE)
    return view_of(story)


def only(found: list[Remedy]) -> Remedy:
    (one,) = found
    return one


# --- side by side -----------------------------------------------------------------------------------------


def test_a_row_says_what_log_book_and_account_have() -> None:
    story = watched()
    story.enters("ES", price="5000")
    story.account_says("50000", "ES:long:1:5000", working="ES=2")
    view = view_of(story)
    books = Books([Leg("ES", "long", 1, "ibs-ES")])
    es, equity = compared(view, books, story.ms)
    assert es == ("ES", "long 1 ibs-ES", "long 1 ibs-ES", "long 1", "2", "")
    assert equity == ("equity", "$50,000.00", "", "$50,000.00", "", "")


def test_what_differs_says_for_how_long_and_whether_it_may_be_on_its_way() -> None:
    story = watched()
    story.account_says("49990", "ES:short:2:5000")
    early = compared(view_of(story), NO_BOOK, story.ms)
    assert early[0].account == "short 2"
    assert early[0].remark.startswith("differs for ")
    late = compared(lasts(story, "49990", "ES:short:2:5000"), Books([Leg("CL", "long", 1, "a")]), story.ms)
    assert [row.subject for row in late] == ["CL", "ES", "equity"]
    assert late[0].remark == "the book is not as the log"
    assert late[1].remark.startswith("DIFFERS for ")
    assert late[2].remark.startswith("$-10.00 apart; DIFFERS for ")


def test_an_equity_of_before_the_latest_close_is_shown_as_that_and_not_as_apart() -> None:
    story = watched()
    story.enters("ES")
    story.closes("ES", pnl="-300")
    says(story, "50000", age=60 * SECOND)
    view = view_of(story)
    (equity,) = compared(view, NO_BOOK, story.ms)
    assert (equity.log, equity.account) == ("$50,000.00", "$50,000.00")
    assert equity.remark == "not compared yet (from before the log's latest close)"
    assert view.account is not None
    assert view.account.equity_text == "$50,000.00 (from before the log's latest close)"


def test_without_an_account_log_and_book_are_compared() -> None:
    story = Story()
    story.enters("ES")
    (row,) = compared(view_of(story), None, story.ms)
    assert (row.log, row.book, row.account) == ("long 1 ibs-ES", "not known", "not known")
    assert remedies(view_of(story), None) == []
    assert list(effect_of_settling(view_of(story))) == []


# --- what would settle it ---------------------------------------------------------------------------------


def test_a_fill_that_never_happened_is_settled_at_no_profit() -> None:
    story = watched()
    story.enters("ES", price="5000")
    found = only(remedies(lasts(story, "50000"), NO_BOOK))
    assert found.commands == (f"portfold settle ES ibs-ES --size 0 {WHO}",)


def test_where_the_book_believed_it_the_order_is_said_to_be_not_filled() -> None:
    story = watched()
    story.enters("ES", price="5000")
    books = Books(
        [Leg("ES", "long", 1, "ibs-ES")],
        [Believed("before", "ibs-ES", "ES", 1), Believed("5f1c", "ibs-ES", "ES", 1)],
        corrected=True,
    )
    found = only(remedies(lasts(story, "50000"), books))
    assert found.commands == (f"portfold reconcile 5f1c --not-filled {WHO}",)


def test_a_fill_twice_as_large_is_settled_at_the_accounts_price_in_the_book_too() -> None:
    story = watched()
    story.enters("ES", price="5000", side="short")
    books = Books([Leg("ES", "short", 1, "ibs-ES")], corrected=True)
    found = only(remedies(lasts(story, "50000", "ES:short:2:5001.25"), books))
    assert found.commands == (
        f"portfold settle ES ibs-ES --size 2 --side short --price 5001.25 --in-book {WHO}",
    )


def test_a_close_that_nobody_saw_is_settled_with_what_the_equity_shows_it_made() -> None:
    story = watched()
    story.enters("ES", price="5000")
    view = lasts(story, "49700")
    found = remedies(view, NO_BOOK)
    assert found[0].commands == (f"portfold settle ES ibs-ES --size 0 --pnl -300.00 {WHO}",)
    assert (found[1].subject, found[1].commands) == ("equity", ())


def test_what_nobody_on_the_log_holds_is_whose_symbol_it_is() -> None:
    story = watched()
    nobody = only(remedies(lasts(story, "50000", "ES:long:2:5000"), NO_BOOK))
    assert nobody.commands == (f"portfold settle ES WORKER --size 2 --price 5000 {WHO}",)
    story.starts("ibs-ES", symbols="ES")
    known = only(remedies(view_of(story), NO_BOOK))
    assert known.commands == (f"portfold settle ES ibs-ES --size 2 --price 5000 {WHO}",)


def test_of_two_owners_each_could_be_the_one() -> None:
    story = watched()
    story.enters("ES", price="5000")
    story.fills("ES", size=3, side="short", worker="hedge", price="5010")
    found = only(remedies(lasts(story, "50000", "ES:short:3:5010"), NO_BOOK))
    assert found.note.endswith("only you can know whose it is")
    assert found.commands == (
        f"portfold settle ES ibs-ES --size 0 {WHO}",
        f"portfold settle ES hedge --size 4 --side short --price 5010 {WHO}",
    )


def test_what_is_held_the_other_way_takes_two_orders() -> None:
    story = watched()
    story.enters("ES", price="5000")
    found = only(remedies(lasts(story, "50000", "ES:short:1:5010"), NO_BOOK))
    assert found.commands == (
        f"portfold settle ES ibs-ES --size 0 {WHO}",
        f"portfold settle ES ibs-ES --size 1 --side short --price 5010 {WHO}",
    )


def test_a_fill_at_another_price_is_settled_at_the_accounts() -> None:
    story = Story(account="DU1", account_grace_ms=GRACE, account_tolerance=Decimal(5), point_values="ES=50")
    story.account_says("50000")
    story.enters("ES", price="5000")
    books = Books([Leg("ES", "long", 1, "ibs-ES")], corrected=True)
    found = only(remedies(lasts(story, "50000", "ES:long:1:5003"), books))
    assert found.commands == (f"portfold settle ES ibs-ES --size 1 --price 5003 --in-book {WHO}",)
    executed = Books([Leg("ES", "long", 1, "ibs-ES")], corrected=True, executed=True)
    found = only(remedies(lasts(story, "50000", "ES:long:1:5003"), executed))
    assert found.commands == (f"portfold settle ES ibs-ES --size 1 --price 5003 {WHO}",)


def test_equity_alone_is_taken_from_the_account() -> None:
    found = only(remedies(lasts(watched(), "49700"), NO_BOOK))
    assert found.commands == (f"portfold reconcile --account-is-right {WHO}",)


def test_the_effect_of_taking_the_account_as_right_is_said() -> None:
    story = watched()
    said = "\n".join(effect_of_settling(lasts(story, "49700", "ES:long:1:5000")))
    assert "right at $49,700.00; the log led to $50,000.00" in said
    assert "$-300.00 is accepted" in said
    assert "Entries that are denied because the equity differs are allowed again." in said
    assert "Not settled by this: ES: log flat, account long 1." in said
    assert "flatten" not in said
