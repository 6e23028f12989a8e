"""What Databento refuses is a sentence with a remedy; only what no waiting mends ends the feed."""

import pytest

from portfold.workers.market.source import MarketRefused, PriceUpdate
from portfold.workers.market.sources.databento.refusals import judge
from portfold.workers.market.sources.items import Problem
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.workers.market.databento.desk import desk
from tests.workers.market.traded import SECOND_MS, TEN

OTHER_KEY = "db-AnotherKeyThatNobodyKnows99999"


def refusal(gateway: Gateway, key: str = KEY) -> str:
    """The sentence that the feed ends with."""
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}, key=key) as feed, pytest.raises(MarketRefused) as refused:
        feed.run()
    return str(refused.value)


def test_a_bad_key(gateway: Gateway) -> None:
    sentence = refusal(gateway, OTHER_KEY)
    assert sentence == (
        "Databento does not take the key in DATABENTO_API_KEY: copy it again from the portal. It said: "
        "Authentication failed."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "User has reached their open connection limit",
            "Databento has as many live sessions open as the plan",
        ),
        ("Not authorized for live GLBX.MDP3", "The plan does not allow live data of GLBX.MDP3: subscribe"),
        ("A live data license is required", "The plan does not allow live data of GLBX.MDP3: subscribe"),
        ("API key deactivated", "Databento has deactivated the key in DATABENTO_API_KEY"),
    ],
)
def test_a_session_that_is_not_allowed(gateway: Gateway, words: str, sentence: str) -> None:
    gateway.script.refuses_key_with = words
    refused = refusal(gateway)
    assert refused.startswith(sentence)
    assert refused.endswith(f"It said: {words}")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AUTH_FAILED", "Databento does not take the key in DATABENTO_API_KEY"),
        ("API_KEY_DEACTIVATED", "Databento has deactivated the key in DATABENTO_API_KEY"),
        ("CONNECTION_LIMIT_EXCEEDED", "Databento has as many live sessions open as the plan"),
        ("INVALID_SUBSCRIPTION", "Databento refuses the subscription: look at schema and symbols."),
    ],
)
def test_an_error_record_at_the_beginning(gateway: Gateway, code: str, sentence: str) -> None:
    gateway.script.fails_with = (code, "so it is")
    assert refusal(gateway).startswith(sentence)


def test_an_unknown_symbol_at_the_beginning(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0", "XX": "XX.v.0"}) as feed, pytest.raises(MarketRefused) as refused:
        feed.run()
    assert str(refused.value).startswith(
        "Databento does not know XX (XX.v.0) in GLBX.MDP3: expected a continuous symbol such as ES.v.0"
    )


def test_a_symbol_that_is_no_longer_known_leaves_the_others_alone(gateway: Gateway) -> None:
    es, cl = gateway.market.enlist("ES.v.0", "ESH6"), gateway.market.enlist("CLJ6", "CLJ6")
    with desk(gateway, {"ES": "ES.v.0", "CL": "CLJ6"}) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN, "10"), wire.bar(cl, TEN, "70"))
        feed.wait_for(PriceUpdate)
        gateway.market.listings("CLJ6").clear()  # it expired
        gateway.drop()
        notice = feed.notice("refused")
        assert notice.symbols == ("CL",)
        gateway.session(2)
        gateway.publish(wire.bar(es, TEN + SECOND_MS, "11"))
        feed.wait_for(PriceUpdate, lambda each: each.price == 11)


def test_too_many_sessions_are_waited_for_by_a_feed_that_ran(gateway: Gateway) -> None:
    es = gateway.market.enlist("ES.v.0", "ESH6")
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        feed.one()
        gateway.session()
        gateway.publish(wire.bar(es, TEN, "10"))
        feed.wait_for(PriceUpdate)
        gateway.script.refuses_key_with = "connection limit reached"
        gateway.drop()
        feed.notice("disconnected")
        assert "as many live sessions open" in feed.notice("disconnected").sentence
        gateway.script.refuses_key_with = ""
        gateway.publish(wire.bar(es, TEN + SECOND_MS, "11"))
        feed.notice("reconnected")


def test_a_gateway_that_says_nothing_is_given_up_after_the_clients_own_time(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databento.live.session.AUTH_TIMEOUT_SECONDS", 0.2)
    gateway.market.enlist("ES.v.0", "ESH6")
    gateway.script.is_mute = True
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        assert "timed out" in feed.notice("disconnected").sentence


def test_a_gateway_that_hangs_up_before_it_answers_is_not_waited_for(gateway: Gateway) -> None:
    gateway.market.enlist("ES.v.0", "ESH6")
    gateway.script.closes_before_answer = True
    gateway.script.heartbeat_pace = 0.01
    with desk(gateway, {"ES": "ES.v.0"}) as feed:
        notice = feed.notice("disconnected")
        assert notice.sentence.endswith("Connection to the gateway failed: it hung up before it answered.")
        gateway.script.closes_before_answer = False
        feed.notice("reconnected")


@pytest.mark.parametrize(
    ("problem", "is_final_at_first", "is_final_later"),
    [
        (Problem("connecting", "Authentication failed."), True, True),
        (Problem("connecting", "open connection limit"), True, False),
        (Problem("connecting", "Connection to h:1 failed: limit"), False, False),
        (Problem("connecting", "Authentication with h:1 timed out after 30.0 second(s)."), False, False),
        (Problem("session", "Gateway timeout: 15 second(s) since last message"), False, False),
        (Problem("session", "no", 5), True, False),
        (Problem("session", "no", 6), False, False),
        (Problem("session", "no", 2), True, True),
        (Problem("session", "a word never heard", 99), False, False),
    ],
)
def test_what_is_final(problem: Problem, *, is_final_at_first: bool, is_final_later: bool) -> None:
    named = {"key_env": "DATABENTO_API_KEY", "dataset": "GLBX.MDP3"}
    assert judge(problem, has_run=False, **named).is_final is is_final_at_first
    assert judge(problem, has_run=True, **named).is_final is is_final_later
