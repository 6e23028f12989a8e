"""What a flatten is of, kept a second time from events and decisions: all, or some symbols."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.events.account import ACCOUNT, AccountReported
from portfold.events.calendar import WindowOpened
from portfold.events.decisions import (
    Decision,
    FlattenOrdered,
    LimitReached,
    PositionMismatch,
    StopLossTriggered,
)
from portfold.events.incoming import Event, FlattenRequested, Malformed
from portfold.events.legs import parse_holdings, parse_legs
from tests.simulation.laws.exposure.numbers import symbols_of_group


class ToBeFlat:
    """The flatten under way: in the symbols of a part of it others may hold on."""

    def __init__(self) -> None:
        self._everything = False
        self._symbols: set[str] = set()

    def note(self, event: Event | Malformed, decisions: list[Decision], state: State) -> None:
        """Takes note of what was ordered closed."""
        for one in decisions:
            if isinstance(one, StopLossTriggered):
                self._everything = True
            if isinstance(one, FlattenOrdered):
                self._everything = self._everything or one.everything or catches_all(state)
                self._symbols |= {leg.symbol for leg in parse_legs(one.positions)}
        self._symbols |= symbols_closed_by(decisions)
        if isinstance(event, FlattenRequested) and event.symbol:
            self._symbols.add(event.symbol)
        elif isinstance(event, FlattenRequested) and event.group and state.limits is not None:
            self._symbols |= symbols_of_group(state.limits.groups, event.group)

    def is_not(self, said: AccountReported, state: State) -> bool:
        """Returns whether the account shows more than may be there once it is flat."""
        if self._everything:
            return bool(said.positions or said.working)
        there, here = net_of(said), dict.fromkeys(self._symbols, 0)
        for held in state.positions.values():
            if held.symbol in here:
                here[held.symbol] += held.size if held.side == "long" else -held.size
        others = {held.symbol for held in state.positions.values()}
        others |= {slot.symbol for slot in state.reservations.values()}
        working = {pair.partition("=")[0] for pair in said.working.split(" ") if pair}
        alone = (working & self._symbols) - others
        return bool(alone) or any(there.get(symbol, 0) != size for symbol, size in here.items())


def catches_all(state: State) -> bool:
    """Whether whatever fills is to be closed: after a stop, a limit that flattens, an order to flatten; and
    while a window of all symbols is open that does.
    """
    latched = any(lock.action == "flatten" for lock in state.locks.values())
    windows = state.calendar.open.values() if state.calendar is not None else ()
    latched = latched or any(one.action == "flatten" and not one.symbols for one in windows)
    return latched or bool(state.stop or (state.halt and state.halt.flatten))


def symbols_closed_by(decisions: list[Decision]) -> set[str]:
    """The symbols in which a window that opens has everything closed, where it is not of all."""
    opened = [one for one in decisions if isinstance(one, WindowOpened) and one.action == "flatten"]
    return {symbol for one in opened for symbol in one.symbols.split()}


def in_symbols(state: State, limits: Limits) -> set[str]:
    """The symbols whatever fills in which is to be closed: of scopes that are to be flat, and of windows."""
    flat = [one for one in state.scopes.values() if one.flatten]
    found = {one.name for one in flat if one.kind == "symbol"}
    groups = [one.name for one in flat if one.kind == "group"]
    found |= {symbol for name in groups for symbol in symbols_of_group(limits.groups, name)}
    windows = state.calendar.open.values() if state.calendar is not None else ()
    return found | {symbol for one in windows if one.action == "flatten" for symbol in one.symbols}


def joining(unowned: dict[str, int], decisions: list[Decision]) -> dict[str, int]:
    """Of what nobody owns what joins the book by these: all, or what is in symbols that windows close."""
    if any(map(takes_everything, decisions)):
        return unowned
    within = symbols_closed_by(decisions)
    return {symbol: size for symbol, size in unowned.items() if symbol in within}


def net_of(report: AccountReported) -> dict[str, int]:
    """What the account says it holds, by symbol; short is less than 0."""
    held = parse_holdings(report.positions)
    return {one.symbol: one.size if one.side == "long" else -one.size for one in held}


def taken_over(decisions: list[Decision]) -> dict[str, int]:
    """By symbol what was nobody's and joins the book."""
    taken: dict[str, int] = {}
    for one in decisions:
        if isinstance(one, PositionMismatch) and (one.worker, one.kind) == (ACCOUNT, "unknown_to_us"):
            signed = one.broker_size if one.side == "long" else -one.broker_size
            taken[one.symbol] = taken.get(one.symbol, 0) + signed
    return taken


def takes_everything(one: Decision) -> bool:
    """Whether what nobody owns joins the book by it: by whatever closes everything."""
    latched = isinstance(one, LimitReached) and one.action == "flatten" and not one.worker
    window = isinstance(one, WindowOpened) and one.action == "flatten" and not one.symbols
    return latched or window or isinstance(one, StopLossTriggered)
