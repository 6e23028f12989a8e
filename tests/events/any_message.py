"""Every message there can be, built from the kinds of its fields."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec import Meta, Struct

from portfold.events import fields as kinds
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.codec import decode_decision, decode_event, encode, encode_checked
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import EntryRequested, Event, Malformed
from portfold.events.limits_changed import LimitsChanged
from portfold.events.scope import SCOPE_KINDS, ScopedOrder

EVENTS: tuple[type[Struct], ...] = get_args(Event)
DECISIONS: tuple[type[Struct], ...] = get_args(Decision)


LETTERS = st.characters(exclude_categories=["Cs"]).filter(lambda letter: not kinds.DECEIVING.match(letter))
SYMBOLS = st.text("AZ09", min_size=1, max_size=12)
NAMES = st.text("azAZ09._@-", min_size=1, max_size=64)
SIDES = st.sampled_from(["long", "short"])
SIZES = st.integers(1, 10_000).map(str)


def decimals(digits: int) -> st.SearchStrategy[Decimal]:
    """So many digits before the point and 10 behind it; also such as Python writes with an exponent."""

    def at(exponent: int) -> st.SearchStrategy[Decimal]:
        most = 10 ** (digits - exponent) - 1
        return st.integers(-most, most).map(lambda number: Decimal(f"{number}E{exponent}"))

    return st.one_of(st.integers(-10, digits - 1).flatmap(at), st.just(Decimal("-0")))


def a_list(item: st.SearchStrategy[str], least: int = 0, most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=least, max_size=most).map(" ".join)


def joined(separator: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(separator.join)


WEIGHTS = st.integers(1, 99_999).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
_COUNTS = st.integers(0, 9999).map(str)


def numbered(
    names: st.SearchStrategy[str], numbers: st.SearchStrategy[str] = _COUNTS, *, each: bool = True
) -> st.SearchStrategy[str]:
    """Numbers by name, and one for each."""
    own = st.dictionaries(names, numbers, max_size=4)
    first = st.one_of(st.just(""), numbers) if each else st.just("")
    return st.tuples(first, own).map(
        lambda parts: " ".join(
            [*filter(None, parts[:1]), *(f"{name}={one}" for name, one in parts[1].items())]
        )
    )


POINTS = st.from_regex(r"[1-9][0-9]{0,8}(\.[0-9]{1,4})?", fullmatch=True)
DOLLARS_EACH = st.from_regex(r"[1-9][0-9]{0,8}(\.[0-9]{1,2})?", fullmatch=True)
PRICES = decimals(9).map(lambda price: f"{price:f}")
OF_A_KIND: dict[Any, st.SearchStrategy[Any]] = {
    kinds.Price: decimals(9),
    kinds.Dollars: decimals(9),
    kinds.Amount: decimals(40),
    kinds.Text: st.text(LETTERS, max_size=500),
    kinds.Person: st.text(LETTERS, min_size=1, max_size=64),
    kinds.SymbolList: a_list(SYMBOLS, least=1),
    kinds.SymbolListOrNone: a_list(SYMBOLS),
    kinds.Holdings: a_list(joined(":", SYMBOLS, SIDES, SIZES, PRICES)),
    kinds.Legs: a_list(joined(":", SYMBOLS, SIDES, SIZES, NAMES)),
    kinds.WorkingOrders: a_list(joined("=", SYMBOLS, st.integers(1, 9999).map(str))),
}
_ZONES = st.sampled_from(["UTC", "America/Chicago", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
_DOLLARS = decimals(9).map(Decimal.copy_abs)
OF_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "daily_stop_loss": decimals(9).map(Decimal.copy_abs).filter(bool),
    "symbols": st.lists(SYMBOLS, min_size=1, max_size=8, unique=True).map(" ".join),
    **dict.fromkeys(
        ("point_values", "mark_jumps"),
        st.dictionaries(SYMBOLS, POINTS, max_size=4).map(
            lambda priced: " ".join(f"{symbol}={value}" for symbol, value in priced.items())
        ),
    ),
    **dict.fromkeys(
        ("default_risk", "stop_costs"),
        st.dictionaries(SYMBOLS, DOLLARS_EACH, min_size=1, max_size=4).map(
            lambda each: " ".join(f"{symbol}={dollars}" for symbol, dollars in each.items())
        ),
    ),
    "reservation_ms": st.integers(1, 10**12),
    "account_tolerance": decimals(9).map(Decimal.copy_abs),
    "flatten_ms": st.integers(1, 10**12),
    "zone": _ZONES,
    **dict.fromkeys(("equity_floor", "trailing_drawdown", "trailing_locks_at", "start_peak"), _DOLLARS),
    **dict.fromkeys(("profit_target", "profit_lock_at", "profit_lock_trail"), _DOLLARS),
    **dict.fromkeys(("weekly_loss", "weekly_profit", "rolling_loss"), _DOLLARS),
    **dict.fromkeys(("start_balance", "consistency_total"), _DOLLARS.filter(bool)),
    "profit_lock_floor": st.just(Decimal(0)),
    "rolling_days": st.integers(1, 30),
    "trailing_zone": _ZONES,
    "mark_confirm_seconds": st.integers(1, 600),
    "windows": st.sampled_from(
        [
            *("", "fri/close-10..close=flatten", "mon-fri/09:30-2..09:30+5=deny:CL,ES sat/00:00..open=deny"),
            "wed/10:30..10:35=flatten:CL fri/12:00..close=flatten:two sun/open..open+5=deny:all",
        ]
    ),
    "max_symbol_contracts": numbered(SYMBOLS),
    "contract_weights": numbered(SYMBOLS, WEIGHTS, each=False),
    **dict.fromkeys(("worker_positions", "worker_entries", "worker_entries_week"), numbered(NAMES)),
    **dict.fromkeys(("worker_contracts", "worker_daily_loss"), numbered(NAMES, WEIGHTS)),
    **dict.fromkeys(
        ("symbol_entries", "symbol_entries_week", "symbol_loss_streak_minutes"), numbered(SYMBOLS)
    ),
    **dict.fromkeys(("worker_burst", "worker_loss_streak_minutes"), numbered(NAMES)),
    "loss_streak": st.integers(1, 20),
    **dict.fromkeys(("worker_loss_streak", "symbol_loss_streak"), st.sampled_from(["1", "20 ES=2", "ES=1"])),
    "worker_loss_streak_within": numbered(NAMES),
    "symbol_loss_streak_within": numbered(SYMBOLS),
    "worker_rate": numbered(NAMES, WEIGHTS).filter(bool),
    "groups": st.just("all=ES,CL two=ES"),
    "group_positions": numbered(st.sampled_from(["all", "two"])),
    **dict.fromkeys(
        ("group_contracts", "group_one_side"), numbered(st.sampled_from(["all", "two"]), WEIGHTS)
    ),
    "contracts_ladder": st.sampled_from(["", "0=1", "50000=2 55000.50=2 60000=9999"]),
}
"""Fields of LimitsChanged that its own rules bind further."""
OF_REQUESTS: dict[str, st.SearchStrategy[Any]] = {"stop_price": st.just(""), "risk": _DOLLARS}
"""Those of EntryRequested; stops beside prices are tested where the loss budget is."""


_SESSION = "2026-11-27=2026-11-26T23:00Z..2026-11-27T18:15Z"
_DATED = "2026-12-10T13:25Z..2026-12-10T13:40Z=deny:ES,NQ#CPI"
OF_CALENDARS: dict[type[Struct], dict[str, st.SearchStrategy[Any]]] = {
    SessionsPublished: {
        "first": st.sampled_from(["2026-11-20", "2026-11-27"]),
        "last": st.sampled_from(["2026-11-27", "2026-11-30"]),
        "sessions": st.just(_SESSION),
    },
    WindowsPublished: {
        "windows": st.sampled_from(["", _DATED, f"{_DATED} {_DATED.replace('deny:ES,NQ', 'flatten')}"])
    },
}
"""Fields of the calendar's events that their own rules bind further."""


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of one kind of field, from its own bounds."""
    if kind in OF_A_KIND:
        return OF_A_KIND[kind]
    base, *_, meta = get_args(kind)
    assert get_origin(kind) is Annotated
    assert isinstance(meta, Meta)
    if get_origin(base) is Literal:
        return st.sampled_from(get_args(base))
    if base is bool:
        return st.booleans()
    if base is int:
        return st.integers(meta.ge, meta.le if meta.le is not None else 2**63 - 1)  # type: ignore[arg-type] # whole
    assert base is str, f"no strategy for {kind}"
    assert meta.pattern is not None
    return st.from_regex(re.compile(meta.pattern, re.ASCII))


def messages(message: type[Struct]) -> st.SearchStrategy[Any]:
    """Every message of one type."""
    hints = get_type_hints(message, include_extras=True)
    free = {name: values(hints[name]) for name in message.__struct_fields__}
    bounds: dict[type[Struct], dict[str, st.SearchStrategy[Any]]] = {
        LimitsChanged: OF_LIMITS,
        EntryRequested: OF_REQUESTS,
        **OF_CALENDARS,
    }
    bound = bounds.get(message, {})
    if issubclass(message, ScopedOrder):
        return scoped(message, free)
    return st.builds(message, **(free | bound))


def scoped(message: type[Struct], free: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Every order of one type: about the whole portfolio, or about one scope of it; that forces nothing."""
    whole = {name: values for name, values in free.items() if name not in SCOPE_KINDS}
    shared = {name: free[name] for name in ("by", "reason")}
    one_scope = (st.builds(message, **shared, **{kind: free[kind]}) for kind in SCOPE_KINDS)
    return st.one_of(st.builds(message, **whole), *one_scope)


OF_A_TYPE = {message: messages(message) for message in (*EVENTS, *DECISIONS)}
ANY_EVENT = st.sampled_from(EVENTS).flatmap(OF_A_TYPE.__getitem__)


def by_name(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def flattened(fields: dict[str, str]) -> list[str]:
    return [text for pair in fields.items() for text in pair]


def check_total(entry: list[str]) -> Event | Malformed:
    """The law of `decode_event` for any entry at all."""
    event = decode_event(entry)
    if isinstance(event, Malformed):
        assert event.reason
        rejected = EventRejected(reason=event.reason, rejected=event.type)
        assert decode_decision(encode(rejected)) == rejected
        assert msgspec.convert(event.reason, kinds.Text).encode("utf-8")
    else:
        assert decode_event(encode_checked(event)) == event
    return event
