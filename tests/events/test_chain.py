"""The chain: whoever changes, moves, adds or drops anything of the past gets another hash."""

import hashlib
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfold.events.chain import GENESIS, link
from portfold.events.codec import Fields

TEXTS = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=[]), max_size=8),
    st.sampled_from(
        ["", '"', '","', "\\", "\\u0000", "\x00", "],[", "\ud83d", "\ude00", "\U0001f600", "é", "type"]
    ),
)
FLAT = st.lists(TEXTS, max_size=6)
DECISIONS = st.lists(FLAT, max_size=3)
STEPS = st.tuples(TEXTS, FLAT, DECISIONS)

REQUEST = ["type", "EntryRequested", "worker", "ibs-ES"]
ALLOWED = ["type", "EntryAllowed", "slots", "3"]
DAY = ["type", "TradingDayStarted", "day", "2025-01-15"]


def chained(history: list[tuple[str, list[str], list[list[str]]]]) -> str:
    """The hash that stands for a whole history."""
    head = GENESIS
    for event_id, fields, decisions in history:
        head = link(head, event_id, fields, decisions)
    return head


# --- what is hashed -------------------------------------------------------------------------------------


def test_the_hash_is_sha256_over_the_previous_hash_and_a_compact_json_array() -> None:
    hashed = GENESIS.encode() + b'["1-0",["type","ClockTicked"],[["type","PortfolioFlat"]]]'
    assert link(GENESIS, "1-0", ["type", "ClockTicked"], [["type", "PortfolioFlat"]]) == (
        hashlib.sha256(hashed).hexdigest()
    )


def test_the_hash_stays_what_it_has_been_on_every_log_there_is() -> None:
    assert link(GENESIS, "1736950000000-0", [*REQUEST, "strategy", 'IBS "é" \x1f'], [DAY, ALLOWED]) == (
        "bd0437191720e1ffa2cf883ba345bf35555c4b30ac99b4654fc244df1eb61b37"
    )


@given(TEXTS, FLAT, DECISIONS)
def test_anyone_can_check_it_with_a_plain_json_library(
    event_id: str, fields: list[str], decisions: list[list[str]]
) -> None:
    framed = json.dumps([event_id, fields, decisions], ensure_ascii=False, separators=(",", ":"))
    hashed = GENESIS.encode() + framed.encode("utf-8", "surrogatepass")
    assert link(GENESIS, event_id, fields, decisions) == hashlib.sha256(hashed).hexdigest()
    # The frame can be read back, so no two different parts have the same one.
    assert json.loads(framed) == [event_id, fields, decisions]


def test_lists_and_tuples_of_the_same_texts_are_the_same() -> None:
    assert link(GENESIS, "1-0", tuple(REQUEST), (tuple(ALLOWED),)) == link(GENESIS, "1-0", REQUEST, [ALLOWED])


# --- any change shows -----------------------------------------------------------------------------------


@given(STEPS, STEPS)
def test_different_steps_have_different_hashes(
    one: tuple[str, list[str], list[list[str]]], other: tuple[str, list[str], list[list[str]]]
) -> None:
    assert (chained([one]) == chained([other])) == (one == other)


@given(st.lists(STEPS, min_size=1, max_size=4), st.data())
def test_one_altered_character_anywhere_in_history_shows_in_the_last_hash(
    history: list[tuple[str, list[str], list[list[str]]]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(history) - 1))
    event_id, fields, decisions = history[at]
    texts = [event_id, *fields, *(text for decision in decisions for text in decision)]
    which = data.draw(st.integers(0, len(texts) - 1))
    place = data.draw(st.integers(0, len(texts[which])))
    letter = data.draw(st.characters(codec=None, exclude_categories=[]))
    how = data.draw(st.sampled_from(["insert", "replace", "drop"]))
    kept_from = place if how == "insert" else place + 1
    texts[which] = texts[which][:place] + ("" if how == "drop" else letter) + texts[which][kept_from:]
    rest = iter(texts)
    altered = (next(rest), [next(rest) for _ in fields], [[next(rest) for _ in one] for one in decisions])
    assume(altered != history[at])
    assert chained([*history[:at], altered, *history[at + 1 :]]) != chained(history)


@given(st.lists(STEPS, min_size=2, max_size=5), st.data())
def test_a_dropped_a_repeated_and_a_moved_step_show(
    history: list[tuple[str, list[str], list[list[str]]]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(history) - 2))
    assert chained([*history[:at], *history[at + 1 :]]) != chained(history)
    assert chained([*history[: at + 1], *history[at:]]) != chained(history)
    assume(history[at] != history[at + 1])
    swapped = [*history[:at], history[at + 1], history[at], *history[at + 2 :]]
    assert chained(swapped) != chained(history)


@pytest.mark.parametrize(
    ("event_id", "fields", "decisions"),
    [
        ("1-1", REQUEST, [DAY, ALLOWED]),
        ("1-0", [*REQUEST[2:], *REQUEST[:2]], [DAY, ALLOWED]),
        ("1-0", [*REQUEST[:2], REQUEST[3], REQUEST[2]], [DAY, ALLOWED]),
        ("1-0", REQUEST[:2], [DAY, ALLOWED]),
        ("1-0", [*REQUEST, "", ""], [DAY, ALLOWED]),
        ("1-0", ["type", "EntryRequestedworker", "", "ibs-ES"], [DAY, ALLOWED]),
        ("1-0", ["typeEntryRequested", "worker", "ibs-ES"], [DAY, ALLOWED]),
        ("1-0", REQUEST, [ALLOWED, DAY]),
        ("1-0", REQUEST, [DAY]),
        ("1-0", REQUEST, []),
        ("1-0", REQUEST, [DAY, ALLOWED, []]),
        ("1-0", REQUEST, [DAY, ALLOWED, ALLOWED]),
        ("1-0", REQUEST, [[*DAY, *ALLOWED]]),
        ("1-0", REQUEST, [[*DAY, *ALLOWED[:2]], ALLOWED[2:]]),
        ("1-0", [*REQUEST, *DAY], [ALLOWED]),
        ("1-0", [], [REQUEST, DAY, ALLOWED]),
    ],
)
def test_each_move_across_a_boundary_shows(event_id: str, fields: Fields, decisions: list[Fields]) -> None:
    assert link(GENESIS, event_id, fields, decisions) != link(GENESIS, "1-0", REQUEST, [DAY, ALLOWED])


def test_the_past_shows_even_where_the_present_is_the_same() -> None:
    assert link("0" * 63 + "1", "1-0", REQUEST, []) != link(GENESIS, "1-0", REQUEST, [])


LOOKALIKES = [
    ["\ud83d\ude00"],
    ["\U0001f600"],
    ["\\ud83d\\ude00"],
    ["\ud83d", "\ude00"],
    ["\ufffd\ufffd"],
    ["??"],
]


def test_bytes_that_are_no_text_are_told_from_all_that_look_like_them() -> None:
    hashes = {link(GENESIS, "1-0", fields, []) for fields in LOOKALIKES}
    assert len(hashes) == len(LOOKALIKES)


def test_no_two_lone_surrogates_are_alike() -> None:
    escaped = [bytes([byte]).decode("utf-8", "surrogateescape") for byte in range(128, 256)]
    assert len({link(GENESIS, "1-0", [text], []) for text in escaped}) == 128
