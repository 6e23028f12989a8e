"""A limit of money explained: what it counts, until when it stands, and what it denies from then on."""

from decimal import Decimal

from tests.audit.explain.explained import reasons, why
from tests.audit.supposing import WrittenDown
from tests.coordinator.story import chicago


def at_the_floor() -> WrittenDown:
    story = WrittenDown(start_balance=Decimal(50_000), trailing_drawdown=Decimal(2_000))
    story.enters("ES")
    story.marks("ES", "500")
    story.marks("ES", "-1500")
    story.asks("CL")
    return story


def test_what_was_reached_names_the_figures_it_is_reckoned_from() -> None:
    assert reasons(why(at_the_floor(), "LimitReached")) == [
        "Counted: equity; floor $2,000.00 below the peak $50,500.00.",
        "No new day lifts it: a resume does, and by force alone while it is still reached.",
    ]


def test_a_denial_says_since_when_and_until_when_and_which_rules_were_asked_before() -> None:
    told = reasons(why(at_the_floor(), "EntryDenied"))
    assert told[0].startswith("Latched at event ")
    assert told[0].endswith("Only a resume lifts it.")
    assert told[1] == "Asked before it, and did not object: stopped_out."


def test_one_with_a_day_says_which() -> None:
    story = WrittenDown(weekly_loss=Decimal(1_000))
    story.enters("ES")
    story.marks("ES", "-1000")
    assert reasons(why(story, "LimitReached")) == [
        "Counted: P&L of the trading days from 2025-01-13.",
        "It stands until the first trading day from 2025-01-20 on, once nothing is open.",
    ]


def test_a_window_says_until_when_and_how_late_it_opened() -> None:
    story = WrittenDown(start_ms=chicago(2025, 1, 17, 9), windows="fri/09:30..09:35=flatten")
    story.enters("ES")
    story.at(chicago(2025, 1, 17, 9, 34))
    assert reasons(why(story, "WindowOpened")) == [
        "No resume lifts it; it is over at 09:35:00 CST.",
        "It began 4 m 10 s before this event, the first since.",
    ]


def test_a_denial_of_exposure_shows_its_limit_in_full_and_what_it_counts_by() -> None:
    story = WrittenDown(groups="equities=ES,RTY", group_contracts="1", contract_weights="RTY=0.5")
    story.enters("ES")
    story.asks("RTY")
    told = reasons(why(story, "EntryDenied"))
    assert told[0] == "In force: group_contracts 1; groups equities=ES,RTY; contract_weights RTY=0.5."
    assert told[1].endswith("symbol_in_position, symbol_pending.")


def test_what_was_allowed_is_reckoned_by_weight() -> None:
    story = WrittenDown(contract_weights="RTY=0.5")
    story.enters("RTY")
    assert "0 contracts held or reserved + 0.5 asked = 0.5 of 4, by weight (RTY=0.5)." in reasons(
        why(story, "EntryAllowed")
    )


def test_a_workers_own_loss_says_who_lets_it_in_again() -> None:
    story = WrittenDown(worker_daily_loss="500")
    story.enters("ES")
    story.marks("ES", "-500")
    assert reasons(why(story, "LimitReached")) == [
        "Counted: P&L of the trading day, as the log has it.",
        "No new day lifts it: portfold resume --worker ibs-ES does, and counts from there.",
    ]


def test_losses_in_a_row_say_what_is_counted_and_when_it_lifts() -> None:
    story = WrittenDown(loss_streak=1, loss_streak_minutes=30)
    story.enters("ES")
    story.closes("ES", "-5")
    story.asks("CL")
    counted, lifts = reasons(why(story, "LimitReached"))
    assert counted.startswith("Counted: trades of which nothing is left")
    assert lifts == "It lifts by itself at 10:30:00 CST; before, by portfold resume --force."
    assert reasons(why(story, "EntryDenied"))[0].endswith("It lifts by itself then.")


def test_a_workers_own_row_says_who_opens_it_and_so_does_what_it_is_denied() -> None:
    story = WrittenDown(worker_loss_streak="1")
    story.enters("ES")
    story.closes("ES", "-5")
    story.asks("CL", worker="ibs-ES")
    (_, lifts) = reasons(why(story, "LimitReached"))
    assert lifts == "No time and no new day lifts it: portfold resume --worker ibs-ES does."
    assert "until somebody resumes worker ibs-ES." in reasons(why(story, "EntryDenied"))[0]


def test_a_rate_shows_its_limit_in_full() -> None:
    story = WrittenDown(worker_rate="1", worker_burst="1")
    story.enters("ES")
    story.closes("ES")
    story.asks("ES")
    assert reasons(why(story, "EntryDenied"))[0] == "In force: worker_rate 1; worker_burst 1."
