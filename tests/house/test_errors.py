"""One tree of errors: every exception class of ours derives from PortfoldError, but for those named here."""

import builtins
from pathlib import Path

from portfold.cli.exits import FAILED, UNREACHABLE, UNUSABLE, Failure, Unusable, explained
from portfold.config import ConfigError
from portfold.coordinator.store.follower import LogDiffers
from portfold.errors import PortfoldError
from portfold.events.codec import RefusedField
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from tests.house.rules import bases_of_classes, modules_below

ROOT = Path(__file__).parents[2]

# Each with the reason why no user meets it as an error of portfold's.
OUTSIDE = {
    "portfold.cli.watch.options._HaveBeenRead": "nothing more is to be done with them",
    "portfold.config.errors.UnfitError": "names no file yet: the reader makes a ConfigError of it",
    "portfold.coordinator.fold.invariants.InvariantBroken": "a fault of ours, so it shows its traceback",
    "portfold.events.wire.embedded._PortTakenError": "another port is tried",
    "portfold.events.wire.market.FeedReplaced": "the feed stands by again",
    "portfold.events.wire.notifier_bus.TermOver": "the notifier stands by again",
    "portfold.research.trades.cells.Refused": "names no file yet: the reader makes a ResearchError of it",
    "portfold.research.trades.cells.Unfit": "the row is counted among those left out, with this reason",
    "portfold.workers.brokers.traderspost.last_moment.MayNotSend": "has no text: the broker words it",
    "portfold.workers.market.sources.ibkr.conversation.Refused": "ends the session, which is judged and told",
    "portfold.workers.market.sources.ibkr.followed.Unfit": "has a sentence, with which the feed is refused",
    "portfold.workers.strategies.time_limit.NotReturned": "has no text: whoever set the limit words it",
    "portfold.workers.client.grants._NoLongerGranted": "renewing ends",
}


def errors_outside(bases: dict[str, set[str]]) -> set[str]:
    """Which of these classes are exceptions, and not of our tree."""
    return {name for name in bases if _is_exception(name, bases) and not _is_below(name, bases)}


def _is_exception(name: str, bases: dict[str, set[str]]) -> bool:
    builtin = getattr(builtins, name, None)
    if isinstance(builtin, type) and issubclass(builtin, BaseException):
        return True
    return any(_is_exception(base, bases) for base in bases.get(name, ()))


def _is_below(name: str, bases: dict[str, set[str]], root: type[PortfoldError] = PortfoldError) -> bool:
    if name == f"{root.__module__}.{root.__name__}":
        return True
    return any(_is_below(base, bases, root) for base in bases.get(name, ()))


def test_every_exception_of_ours_is_in_the_tree_or_named_with_a_reason() -> None:
    assert errors_outside(bases_of_classes(modules_below(ROOT))) == OUTSIDE.keys()


def test_below_the_error_of_the_bus_is_only_what_did_not_come_onto_it_or_off_it() -> None:
    bases = bases_of_classes(modules_below(ROOT))
    assert {name for name in bases if _is_below(name, bases, BusError)} == {
        "portfold.events.wire.errors.BusError",
        "portfold.events.wire.errors.BusReadOnly",
        "portfold.events.wire.errors.BusRefused",
        "portfold.events.wire.errors.BusShut",
        "portfold.events.wire.errors.BusUnreachable",
        "portfold.workers.client.publisher.NotPublished",
        "portfold.workers.client.publisher.OutboxFull",
    }


def test_an_exception_outside_of_the_tree_is_found(tmp_path: Path) -> None:
    planted = {
        "portfold/errors.py": "class PortfoldError(Exception): ...",
        "events/x.py": "from portfold import errors\nclass Said(errors.PortfoldError, ValueError): ...",
        "config/x.py": "class Lone(OSError): ...",
        "cli/x.py": "from portfold.config.x import Lone as L\nclass Worse(L): ...\nclass Not(dict): ...",
        "workers/x.py": "from portfold.events.x import Said\nclass Fine(Said): ...",
    }
    for file, source in planted.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(source)
    found = errors_outside(bases_of_classes(modules_below(tmp_path)))
    assert found == {"portfold.config.x.Lone", "portfold.cli.x.Worse"}


def test_the_class_of_an_error_says_its_exit_code() -> None:
    said: list[tuple[PortfoldError, int]] = [
        (Failure("so"), FAILED),
        (LogDiffers("so"), FAILED),
        (Unusable("so"), UNUSABLE),
        (RefusedField("so"), UNUSABLE),
        (BusRefused("so"), UNREACHABLE),
    ]
    assert [explained(error) for error, _ in said] == [(code, "so") for _, code in said]
    assert explained(BusUnreachable("So.")) == (UNREACHABLE, f"So. {BusUnreachable.remedy}")
    missing = ConfigError(Path("runtime.json"), "", "a file", "none")
    assert explained(missing) == (UNUSABLE, "runtime.json: expected a file, got none.")


def test_a_fault_of_ours_is_not_explained() -> None:
    assert explained(KeyError("so")) is None
