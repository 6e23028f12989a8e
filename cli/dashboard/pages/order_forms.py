"""The orders that may be given from the dashboard, as data: what each asks for, does, and says to the log.

Pure. Guarantees: an order is the same event as the one that the command of that name writes.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from portfold.coordinator.views.overview import Overview
from portfold.dollars import shown
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    PositionSettled,
    TradingHalted,
    TradingResumed,
)


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


class Order(Struct, frozen=True):
    """An order: `name` is that of the command, `does` what it does."""

    name: str
    title: str
    does: str
    asks: tuple[Ask, ...] = (_REASON,)


ORDERS = (
    Order("halt", "Halt", "Denies every entry until a resume, however many days pass. Exits go on."),
    Order(
        "resume",
        "Resume",
        "Lifts a halt. With force also today's stop: the loss may then grow by one more daily limit.",
        (_REASON, Ask("force", "Force", choices=("no", "yes"))),
    ),
    Order(
        "flatten",
        "Flatten",
        "Closes every position, and halts until a resume; reaches the workers directly too (kill switch).",
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
    return words


def event_of(order: Order, words: Mapping[str, str], by: str) -> Event:
    """Returns the event that the order is. Raises OrderRefused.

    That of `acknowledge` depends on what is lost, and is not made here.
    """
    reason = words["reason"]
    if order.name == "halt":
        return TradingHalted(by=by, reason=reason)
    if order.name == "resume":
        return TradingResumed(by=by, reason=reason, force=words["force"] == "yes")
    if order.name == "flatten":
        return FlattenRequested(by=by, reason=reason)
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


def effects(order: Order, seen: Overview | None) -> list[str]:
    """Says what the order would do now."""
    if seen is None:
        return ["No coordinator has ever run for this portfolio: nothing happens before one does."]
    view = seen.view
    held = [f"{one.symbol} {one.side} {one.size} of {one.worker}" for one in view.positions]
    led = [] if seen.leader else ["Nobody leads now: it takes effect when somebody does."]
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
