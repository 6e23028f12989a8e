"""Where each rule stands: nearest first, and at the limit nothing is to go."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.rules.table import RULES
from portfold.coordinator.views.headlines import denying
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.rule_view import ShownRule, rule_in_words, shown_rules
from portfold.coordinator.views.status import status_fields, status_texts
from portfold.coordinator.views.view_field import view_in
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from tests.coordinator.story import Story


def standing(story: Story, rule: str) -> ShownRule:
    return next(one for one in shown_rules(story.state) if one.rule == rule)


def test_the_nearest_to_its_limit_comes_first() -> None:
    story = Story(max_positions=4, max_contracts=10)
    story.enters("ES", "CL", "SI")
    story.marks("ES", "-500")
    rules = shown_rules(story.state)
    assert [one.rule for one in rules] == ["max_positions", "max_contracts", "daily_stop_loss"]
    assert rule_in_words(rules[0]) == "max_positions: 3 of 4, 1 to go"
    assert rule_in_words(rules[2]) == "daily_stop_loss: $-500.00 of $-2,500.00, $2,000.00 to go"


def test_a_cent_from_the_limit_a_cent_is_to_go_and_at_it_nothing() -> None:
    story = Story()
    story.enters("ES")
    story.marks("ES", "-2499.99")
    assert standing(story, "daily_stop_loss").left == Decimal("0.01")
    assert story.state.stop is None
    story.marks("ES", "-2500")
    assert standing(story, "daily_stop_loss").left == 0
    assert standing(story, "daily_stop_loss").used == 1
    assert story.state.stop is not None


def test_after_a_forced_resume_the_way_begins_anew_and_says_from_where() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", "-2600")
    story.resume(force=True)
    again = standing(story, "daily_stop_loss")
    assert (again.limit, again.left) == (Decimal(-5100), Decimal(2500))
    assert again.about.endswith("from the $-2,600.00 of a forced resume or a renewal")


def test_the_table_names_only_limits_there_are_and_every_code_once() -> None:
    keys = {key for rule in RULES for key in rule.keys}
    assert keys <= set(LimitsChanged.__struct_fields__)
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))
    assert all(rule.keys for rule in RULES if rule.read is not None)


def test_of_a_limit_with_several_names_each_that_has_taken_of_it_stands_somewhere() -> None:
    story = Story(
        groups="equities=ES,RTY metals=SI,PL",
        group_contracts="2 metals=1",
        contract_weights="RTY=0.25",
        worker_entries="3",
    )
    story.enters("ES")
    story.asks("RTY")
    found = [rule_in_words(one) for one in shown_rules(story.state) if one.of]
    assert found == [
        "group_contracts of group equities: 1.25 of 2, 0.75 to go",
        "worker_entries of worker ibs-ES: 1 of 3, 2 to go",
        "worker_entries of worker ibs-RTY: 1 of 3, 2 to go",
        "group_contracts of group metals: 0 of 1, 1 to go",
    ]
    assert "group_contracts of group equities: 1.25 of 2" in status_texts(view_of(story))["standing"]
    assert rule_in_words(standing(story, "max_contracts")) == "max_contracts: 1.25 of 4, 2.75 to go"


def test_pace_stands_by_worker_and_by_symbol_the_nearest_first() -> None:
    story = Story(
        max_entries=4,
        symbol_entries="2",
        worker_loss_streak="3",
        worker_rate="1",
        worker_burst="2",
        rate_repeats=5,
    )
    story.enters("ES")
    story.closes("ES", "-1")
    story.enters("ES")
    story.closes("ES", "-1")
    story.change_limits(
        max_entries=4, worker_loss_streak="3", worker_rate="1", worker_burst="2", rate_repeats=5
    )
    story.asks("ES")
    found = [rule_in_words(one) for one in shown_rules(story.state) if one.of]
    assert found == [
        "worker_rate of worker ibs-ES: 2 of 2, 0 to go",
        "worker_loss_streak of worker ibs-ES: 2 of 3, 1 to go",
        "max_entries of the portfolio: 2 of 4, 2 to go",
        "rate_repeats of worker ibs-ES: 1 of 5, 4 to go",
    ]
    story.change_limits(symbol_entries="3")
    assert rule_in_words(standing(story, "symbol_entries")) == "symbol_entries of ES: 2 of 3, 1 to go"


def test_a_pause_is_a_headline_that_says_until_when_and_what_ends_it_before() -> None:
    story = Story(loss_streak=1, loss_streak_minutes=30, symbol_loss_streak="1")
    story.enters("ES")
    story.closes("ES", "-1")
    view = view_of(story)
    assert view.denies_entries
    (pause,) = denying(view, ZoneInfo("UTC"))
    assert pause.text.startswith("loss_streak: no entries until then: 1 losing trade, the last $-1.00: no")
    assert pause.remedy.endswith("--force")
    assert view.scopes[0].reason.endswith("no entries until a resume")


def test_a_workers_own_loss_stands_where_that_worker_does() -> None:
    story = Story(worker_daily_loss="500")
    story.enters("ES")
    story.marks("ES", "-499.99")
    row = standing(story, "worker_daily_loss")
    assert rule_in_words(row) == "worker_daily_loss of worker ibs-ES: $-499.99 of $-500.00, $0.01 to go"
    story.marks("ES", "-500")
    assert standing(story, "worker_daily_loss").used == 1


# --- what is latched ---------------------------------------------------------------------------------------


def view_of(story: Story) -> PortfolioView:
    return view_in(status_fields(portfolio_view(story.state, StreamId(story.ms, 0)))) or PortfolioView()


def test_a_limit_that_denies_is_a_headline_with_what_lifts_it() -> None:
    story = Story(weekly_loss=Decimal(500), start_balance=Decimal(50_000), equity_floor=Decimal(49_500))
    story.enters("ES")
    story.marks("ES", "-500")
    view = view_of(story)
    assert view.denies_entries
    floor, week = denying(view, ZoneInfo("UTC"))
    assert (floor.code, floor.level, "--force" in floor.remedy) == ("limit_reached", "critical", True)
    assert floor.text.startswith("equity_floor: all is closed, no entries until a resume: Equity $49,500.00")
    assert (week.text.startswith("weekly_loss: all is closed, no entries until 2025-01-20"), week.remedy) == (
        True,
        "",
    )


def test_a_tier_that_denies_some_is_a_warning_and_one_that_is_told_is_none() -> None:
    story = Story(loss_tiers="500=tell 1000=above:2")
    story.enters("ES")
    story.marks("ES", "-500")
    assert denying(view_of(story), ZoneInfo("UTC")) == []
    story.marks("ES", "-1000")
    view = view_of(story)
    assert not view.denies_entries
    assert [(one.code, one.level) for one in denying(view, ZoneInfo("UTC"))] == [("tier_reached", "warning")]
    assert status_texts(view)["limits_reached"].startswith("loss_tiers: no entries above 2 until 2025-01-16")
