"""Puts what went wrong at Databento into a sentence with a remedy, and says whether waiting can mend it.

Only what no waiting mends is final: a key that is not taken, a symbol that is not known, data that the plan
does not include. Too many sessions are final for one that begins: a person has to end another. One that ran
already waits, as the gateway counts a connection that broke for a while longer.

The gateway gives a code where a session had begun, and only words where the key was refused. Words may
change; so what is not recognised there is told as it was said, and is final only as a refused key.
"""

import re
from typing import NamedTuple

from portfold.workers.market.sources.items import Problem

AUTH_FAILED = 1
KEY_DEACTIVATED = 2
TOO_MANY_SESSIONS = 3
INVALID_SUBSCRIPTION = 5
INTERNAL_ERROR = 6
REPLAY_AGED_OUT = 8
"""Codes of the gateway's error records."""

NO_REPLAY = (INVALID_SUBSCRIPTION, REPLAY_AGED_OUT)
"""What may mean that a replay was asked for that reaches too far back."""

_NETWORK = re.compile(r"^(Connection to|Authentication with) .*(failed|timed out)", re.DOTALL)
_LIMIT = re.compile(r"\b(limit|too many|maximum|simultaneous)\b", re.IGNORECASE)
_PLAN = re.compile(r"licen[cs]|entitle|not authorized|unauthorized|permission|\bplan\b", re.IGNORECASE)
_DEACTIVATED = re.compile(r"deactivat|expired|revoked|suspended", re.IGNORECASE)

_SENTENCES = {
    "key": "Databento does not take the key in {key_env}: copy it again from the portal.",
    "deactivated": "Databento has deactivated the key in {key_env} or its account: make a new one.",
    "sessions": "Databento has as many live sessions open as the plan allows for {dataset}: end one that is "
    "not needed, such as a second feed.",
    "entitlement": "The plan does not allow live data of {dataset}: subscribe to it at Databento, with the "
    "exchange's licence.",
    "subscription": "Databento refuses the subscription: look at schema and symbols.",
}
_FINAL_AT_FIRST = ("sessions", "subscription")


class Refusal(NamedTuple):
    """What to tell people, and whether to give up."""

    sentence: str
    is_final: bool


def judge(problem: Problem, *, has_run: bool, key_env: str, dataset: str) -> Refusal:
    """Returns what a problem means; `has_run`: whether the subscription worked before."""
    kind = _kind(problem)
    if kind == "network":
        return Refusal(_network_sentence(problem), is_final=False)
    said = f" It said: {problem.text}" if problem.text else ""
    sentence = _SENTENCES[kind].format(key_env=key_env, dataset=dataset)
    return Refusal(sentence + said, is_final=kind not in _FINAL_AT_FIRST or not has_run)


def _kind(problem: Problem) -> str:
    by_code = {
        AUTH_FAILED: "key",
        KEY_DEACTIVATED: "deactivated",
        TOO_MANY_SESSIONS: "sessions",
        INVALID_SUBSCRIPTION: "subscription",
    }
    if problem.code in by_code:
        may_be_the_plan = problem.code in (AUTH_FAILED, INVALID_SUBSCRIPTION)
        return "entitlement" if may_be_the_plan and _PLAN.search(problem.text) else by_code[problem.code]
    if problem.stage != "connecting" or _NETWORK.match(problem.text):
        return "network"
    if _LIMIT.search(problem.text):
        return "sessions"
    if _DEACTIVATED.search(problem.text):
        return "deactivated"
    return "entitlement" if _PLAN.search(problem.text) else "key"


def _network_sentence(problem: Problem) -> str:
    if problem.stage == "connecting":
        return f"No connection to Databento: {problem.text}"
    if problem.code == INTERNAL_ERROR:
        return f"Databento's gateway has an error of its own. It said: {problem.text}"
    if problem.code == REPLAY_AGED_OUT:
        return f"Databento keeps what was to be replayed no longer. It said: {problem.text}"
    return f"The connection to Databento is lost: {problem.text}"
