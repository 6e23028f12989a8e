"""The loop for development, `make quick`: no process, no backtest, no laws, little of the simulation.

No test is marked by hand, so none can be forgotten: a test is left out if it, a fixture of its, or what they
call in tests/, names something that starts a process, of which the real server is one, or that backtests,
trains or searches; and all of a file test_..._laws.py. Of each test of the simulation the first case is run,
and other properties are tried on few examples. The last line says how many tests were left out. It is never
a proof that all is well: that is `make test`.
"""

from collections.abc import Iterator
from functools import cache
from inspect import isclass, isfunction, unwrap
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from hypothesis import settings

STARTERS = {"subprocess", "multiprocessing", "fork", "EmbeddedServer", "Supervisor"}
LONG_WORK = {"backtest", "out_of_sample", "optimize", "train", "train_es", "path_scores"}
SIMULATION = Path(__file__).parent / "simulation"
EXAMPLES = 10


class Quick:
    """One run; of several at work any may tell what was left out, for all collect the same."""

    def __init__(self) -> None:
        self._left_out = 0
        self._all = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [item for item in items if is_slow(item) or is_a_law(item) or is_a_later_schedule(item)]
        self._left_out, self._all = len(left_out), len(items)
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """As a worker, tell whoever has started it."""
        told = getattr(session.config, "workeroutput", {})
        told["quick"] = (self._left_out, self._all)
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {})  # one that crashed has told nothing
        self._left_out, self._all = told.get("quick", (self._left_out, self._all))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if self._all and not hasattr(config, "workeroutput"):  # an interrupted run does not know
            print(
                f"make quick left out {self._left_out} of {self._all} tests: what starts a process (the real "
                "server is one), backtests, trains or searches, the files test_..._laws.py, and all but the "
                "first case of the simulation's. make test runs them."
            )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Quick())
    settings.register_profile("quick", settings.get_profile("portfold"), max_examples=EXAMPLES)
    settings.load_profile("quick")


def is_a_later_schedule(item: pytest.Item) -> bool:
    """Whether it is a case of a test of the simulation, but not the first."""
    cases = getattr(item, "callspec", None)
    return SIMULATION in item.path.parents and cases is not None and any(cases.indices.values())


def is_a_law(item: pytest.Item) -> bool:
    """Whether it is tried on whole histories, for as long as a server would take."""
    return item.path.stem.endswith("_laws")


def is_slow(item: pytest.Item) -> bool:
    """Whether the test or a fixture of its, given directly or not, comes to a starter or to long work."""
    assert isinstance(item, pytest.Function)
    known = item._fixtureinfo  # noqa: SLF001 - pytest tells of a test's fixtures nowhere else
    fixtures = [given[-1].func for given in known.name2fixturedefs.values()]
    return any(names_slow_work(code) for code in (item.function, *fixtures))


@cache
def names_slow_work(code: object) -> bool:
    """Whether a function, or a method of a class, names it or what in tests/ does."""
    seen: set[int] = set()
    left = [code]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        for function in _functions(each):
            names = set(_names(function.__code__))
            if names & (STARTERS | LONG_WORK):
                return True
            left += [function.__globals__[name] for name in names if name in function.__globals__]
    return False


def _functions(thing: object) -> Iterator[FunctionType]:
    """Those of a function or a class of tests/; of anything else none."""
    law = getattr(thing, "hypothesis", None)
    thing = law.inner_test if law is not None else thing
    if isclass(thing) and thing.__module__.startswith("tests."):
        for member in vars(thing).values():
            yield from _functions(getattr(member, "fget", None) or getattr(member, "__func__", member))
    elif isfunction(thing) and (own := unwrap(thing)).__module__.startswith("tests."):
        yield own


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inside in code.co_consts:
        if isinstance(inside, CodeType):
            yield from _names(inside)
