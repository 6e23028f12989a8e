"""Whatever stands in the files, loading gives a checked configuration or a `ConfigError`, nothing else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfold.config import ConfigError, Configuration, IbsParameters, load
from portfold.config.locate import PACKAGED

FILES = ("portfolio_optimization.json", "runtime.json", "contracts.json")
PACKAGED_TEXT = {name: (PACKAGED / name).read_text() for name in FILES}

NUMBERS = st.one_of(st.integers(), st.integers(-2, 101), st.floats(), st.sampled_from([10**70, 1e308, -0.0]))
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "ES", "default", "UTC", "America", "paper", "flatten", "17:00", "0.25", "redis://x", "1e9"]
    ),
)
KEYS = st.one_of(
    TEXTS, st.sampled_from(["max_positions", "symbols", "workers", "zone", "tick_size", "symbol"])
)
TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def load_with(file: str, content: bytes) -> Configuration | None:
    """The packaged files but for one; None if they were refused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for other, text in PACKAGED_TEXT.items():
            (folder / other).write_text(text)
        (folder / file).write_bytes(content)
        try:
            return load(name, {}, folder)
        except ConfigError as refused:
            sentence = str(refused)
            assert sentence.startswith(name)
            assert sentence.isprintable()
            assert len(sentence) < 2000
            return None


def assert_checked(configuration: Configuration) -> None:
    portfolio, runtime = configuration.portfolio, configuration.runtime
    assert 1 <= portfolio.max_positions <= 50
    assert 0 < portfolio.daily_stop_loss < 10**9
    assert len(set(portfolio.symbols)) == len(portfolio.symbols) > 0
    assert all(configuration.contracts[symbol].point_value > 0 for symbol in portfolio.symbols)
    assert runtime.worker_lost_seconds > 2 * runtime.heartbeat_seconds > 0
    for symbol in portfolio.symbols:
        worker = runtime.worker(symbol)
        if isinstance(worker, IbsParameters):
            assert 0 <= worker.entry_below < worker.exit_above <= 1
            assert 1 <= worker.size <= configuration.max_contracts
    msgspec.json.encode(configuration.runtime)
    assert len(configuration.digest()) == 64


@pytest.mark.parametrize("file", FILES)
@given(content=st.binary(max_size=200))
def test_any_bytes(file: str, content: bytes) -> None:
    configuration = load_with(file, content)

    if configuration is not None:
        assert_checked(configuration)


@pytest.mark.parametrize("file", FILES)
@given(tree=TREES)
def test_any_json(file: str, tree: object) -> None:
    configuration = load_with(file, json.dumps(tree).encode())

    if configuration is not None:
        assert_checked(configuration)


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_one_value_of_a_good_file_replaced(file: str, data: st.DataObject) -> None:
    tree = json.loads(PACKAGED_TEXT[file])
    within, key = data.draw(st.sampled_from(list(places(tree))))
    within[key] = data.draw(TREES)

    configuration = load_with(file, json.dumps(tree).encode())

    if configuration is not None:
        assert_checked(configuration)


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
def test_any_one_character_of_a_good_file_replaced(file: str, data: st.DataObject) -> None:
    text = PACKAGED_TEXT[file]
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(list("0123456789.eE+-\"'{}[]:, \nax\0é")))

    configuration = load_with(file, (text[:at] + other + text[at + 1 :]).encode())

    if configuration is not None:
        assert_checked(configuration)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container in a tree with each of its keys or indices."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    return [(tree, key) for key in keys] + [place for key in keys for place in places(tree[key])]
