"""What there may be of a group of symbols: positions, contracts by weight, contracts on one side.

A group is inside of the total, not beside it, and a symbol in two groups has to fit into both. Nothing is
netted: a long of one symbol and a short of another are two positions, even where both are one underlying.
Groups that are changed while more is held than they allow deny what is new, and close nothing.
"""

from collections.abc import Iterator

from portfold.by_name import by_name, groups_of
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.exposure.counted import CONTRACTS, SLOTS, Exposure, Part, Parts
from portfold.coordinator.fold.rules.rule import Entry
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.taken import in_symbols, on_side


def _groups(key: str) -> Parts:
    """Returns the groups that the limit `key` has a number for."""

    def parts(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
        mosts = by_name(getattr(limits, key))
        for name, symbols in groups_of(limits.groups).items():
            most = mosts.of(name)
            if most is not None and (entry is None or entry.symbol in symbols):
                yield Part(name, f"group {name}", in_symbols(symbols), most)

    return parts


def _sides(state: State, limits: Limits, entry: Entry | None) -> Iterator[Part]:
    for group in _groups("group_one_side")(state, limits, entry):
        for side in ("long", "short") if entry is None else (entry.side,):
            yield group._replace(shown=f"{group.shown} {side}", counts=on_side(side, group.counts))


_BESIDE = ("groups",)
POSITIONS = Exposure("group_positions", "max positions", _groups("group_positions"), SLOTS, _BESIDE).rule()
BY_WEIGHT = Exposure(
    "group_contracts", "max contracts", _groups("group_contracts"), CONTRACTS, _BESIDE
).rule()
ONE_SIDE = Exposure("group_one_side", "max contracts", _sides, CONTRACTS, _BESIDE).rule()
