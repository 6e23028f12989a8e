"""The recorded demo: two days of five workers, the first of them bad.

`demo_log.jsonl` holds the events of `portfold demo --days 2 --symbols 6B,CL,ES,RTY,SI` (seed 7), as they
came: workers that act in the same moment do so in any order, so each run has a log of its own.
"""

import json
from functools import cache
from pathlib import Path

from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory

_LOG = Path(__file__).with_name("demo_log.jsonl")


@cache
def recorded_demo() -> InMemory:
    """The record of it."""
    lines = [json.loads(line) for line in _LOG.read_text(encoding="utf-8").splitlines()]
    return InMemory((StreamId.parse(at), words) for at, *words in lines)
