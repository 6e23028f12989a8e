"""The orders that may be given from the dashboard, as data: what each asks for, does, and says to the log.

Pure. Guarantees: an order is the same event as the one that the command of that name writes.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from portfold.coordinator.fold.scopes import covers
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition
from portfold.dollars import shown
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    PositionSettled,
    TradingHalted,
    TradingResumed,
)
from portfold.events.scope import SCOPE_KINDS, Scope


class OrderRefused(PortfoldError):
    """What was filled in cannot be an order; a sentence that names the field."""

    exit_code = UNUSABLE


class Ask(Struct, frozen=True):
    """A field of an order's form."""

    name: str
    label: str
    required: bool = True
    choices: tuple[str, ...] = ()
    value: str = ""


_REASON = Ask("reason", "Why; goes on record")
_OF_A_SCOPE = ("halt", "resume", "flatten")
_SCOPE = tuple(Ask(kind, f"Only this {kind}; all where empty", required=False) for kind in SCOPE_KINDS)


class Order(Struct, frozen=True):
    """An order: `name` is that of the command, `does` what it does."""

    name: str
    title: str
    does: str
    asks: tuple[Ask, ...] = (_REASON,)


ORDERS = (
    Order(
        "halt",
        "Halt",
        "Denies every entry until a resume, however many days pass. Exits go on.",
        (_REASON, *_SCOPE),
    ),
    Order(
        "resume",
        "Resume",
        "Lifts a halt. With force also today's stop: the loss may then grow by one more daily limit.",
        (_REASON, Ask("force", "Force", choices=("no", "yes")), *_SCOPE),
    ),
    Order(
        "flatten",
        "Flatten",
        "Closes every position, and halts until a resume; reaches the workers directly too (kill switch). "
        "Of a worker, a symbol or a group only what is in it, by the log alone.",
        (_REASON, *_SCOPE),
    ),
    Order(
        "settle",
        "Settle",
        "Records what is really held, where log and broker disagree; the symbol may be traded again.",
        (
            Ask("symbol", "Symbol"),
            Ask("worker", "Worker"),
            Ask("side", "Side", choices=("long", "short")),
            Ask("size", "Contracts really held", value="0"),
            Ask("price", "Entry price", value="0"),
            Ask("pnl", "Dollars made when it was closed unseen", value="0"),
            _REASON,
        ),
    ),
    Order(
        "acknowledge",
        "Acknowledge",
        "Lets trading go on without a lost part of the log. Look first what is open at the broker.",
    ),
)


def order_named(name: str) -> Order:
    """Returns the order. Raises OrderRefused."""
    found = next((order for order in ORDERS if order.name == name), None)
    if found is None:
        raise OrderRefused(f"expected one of {', '.join(order.name for order in ORDERS)}, got {name[:40]!r}.")
    return found


def filled_in(order: Order, form: Mapping[str, str]) -> dict[str, str]:
    """Returns the fields of the form that the order asks for. Raises OrderRefused."""
    words = {ask.name: form.get(ask.name, "").strip() for ask in order.asks}
    for ask in order.asks:
        if ask.required and not words[ask.name]:
            raise OrderRefused(f"{ask.label}: expected something, got nothing.")
        if ask.choices and words[ask.name] not in ask.choices:
            raise OrderRefused(f"{ask.label}: expected one of {', '.join(ask.choices)}.")
    if order.name in _OF_A_SCOPE and sum(bool(words[kind]) for kind in SCOPE_KINDS) > 1:
        raise OrderRefused(f"{', '.join(SCOPE_KINDS)}: expected one of them: an order is of one scope.")
    return words


def event_of(order: Order, words: Mapping[str, str], by: str) -> Event:
    """Returns the event that the order is. Raises OrderRefused.

    That of `acknowledge` depends on what is lost, and is not made here.
    """
    reason = words["reason"]
    if order.name in _OF_A_SCOPE:
        return _of_a_scope(order.name, words, by)
    if order.name == "settle":
        size, price = _whole("Contracts really held", words["size"]), _number("Entry price", words["price"])
        if size and not price:
            raise OrderRefused(f"Entry price: expected that of the {size} held.")
        return PositionSettled(
            by=by,
            reason=reason,
            symbol=words["symbol"],
            worker=words["worker"],
            side="short" if words["side"] == "short" else "long",
            size=size,
            price=price,
            pnl=_number("Dollars made", words["pnl"]),
        )
    raise OrderRefused(f"{order.name}: expected an order that is an event of its own.")


def _of_a_scope(name: str, words: Mapping[str, str], by: str) -> Event:
    scope = {kind: words[kind] for kind in SCOPE_KINDS if words.get(kind)}
    try:
        if name == "halt":
            return TradingHalted(by=by, reason=words["reason"], **scope)
        if name == "flatten":
            return FlattenRequested(by=by, reason=words["reason"], **scope)
        return TradingResumed(by=by, reason=words["reason"], force=words["force"] == "yes", **scope)
    except ValueError as refused:  # two scopes, or force and one
        raise OrderRefused(f"{name}: {refused}.") from refused


def scope_in(words: Mapping[str, str]) -> Scope | None:
    """Returns the scope that was filled in; None for the whole portfolio."""
    return next((Scope(kind, words[kind]) for kind in SCOPE_KINDS if words.get(kind)), None)


def confirmed_by(order: Order, words: Mapping[str, str], portfolio: str) -> str:
    """Returns what has to be typed to confirm it: of a scope, that as well."""
    scope = scope_in(words) if order.name in _OF_A_SCOPE else None
    return f"{order.name} {portfolio} {scope}" if scope else f"{order.name} {portfolio}"


def effects(order: Order, words: Mapping[str, str], seen: Overview | None) -> list[str]:
    """Says what the order would do now."""
    if seen is None:
        return ["No coordinator has ever run for this portfolio: nothing happens before one does."]
    view = seen.view
    led = [] if seen.leader else ["Nobody leads now: it takes effect when somebody does."]
    scope = scope_in(words) if order.name in _OF_A_SCOPE else None
    if scope is not None:
        return [*_effects_in(scope, order.name, view), *led]
    held = _held(view.positions)
    slots = len(view.reserved)
    match order.name:
        case "flatten":
            closes = f"Closes now: {', '.join(held)}." if held else "Nothing is open."
            return [closes, f"Takes back {slots} reserved slots, and halts.", *led]
        case "halt":
            return [
                f"Open and left open: {', '.join(held) or 'nothing'}.",
                "No entry is allowed after it.",
                *led,
            ]
        case "resume":
            return [f"The day's P&L is {shown(view.day.pnl)}; the stop is at {shown(view.stop_at)}.", *led]
        case _:
            return [order.does, *led]


def _effects_in(scope: Scope, name: str, view: PortfolioView) -> list[str]:
    inside = [one for one in view.positions if covers(scope, view.limits, one.symbol, one.worker)]
    slots = sum(covers(scope, view.limits, one.symbol, one.worker) for one in view.reserved)
    held = ", ".join(_held(inside)) or "nothing"
    match name:
        case "flatten":
            back = f"Takes back {slots} reserved slots, and denies entries in {scope}."
            return [f"Closes now, of {scope}: {held}. Nothing else.", back]
        case "halt":
            return [f"Open in {scope}, and left open: {held}.", f"No entry in {scope} is allowed after it."]
        case _:
            opened = any(one.scope == scope for one in view.scopes)
            return [f"Opens {scope}." if opened else f"{scope} is not closed: it will be refused."]


def _held(positions: Iterable[ShownPosition]) -> list[str]:
    return [f"{one.symbol} {one.side} {one.size} of {one.worker}" for one in positions]


def _whole(label: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise OrderRefused(f"{label}: expected a whole number, got {text[:40]!r}.")
    return int(text)


def _number(label: str, text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise OrderRefused(f"{label}: expected a number, got {text[:40]!r}.")
    return found
