"""Converts between a message and its flat text fields, strict both ways.

Guarantees: an entry is either exactly a message of the vocabulary, or refused with a sentence that names the
field and what was expected of it. An event is read back before it is sent (`encode_checked`), so none of ours
is refused on arrival. A number is written plainly (`-37.63`, never `5E-7`,
`NaN` or `1_000`).

The sentences end up in decisions, so they are ours alone: none repeats a library's words, which may change
while the log stays.

Reading is a good part of the cost of deciding, and the same names, symbols and prices come over and over: so
each kind of field has one reader, which remembers the latest texts that it passed. For a text that it
refused, what was wrong is found afterwards.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import astuple
from msgspec.structs import fields as struct_fields

from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.decisions import Decision
from portfold.events.fields import DECEIVING
from portfold.events.incoming import Event, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.proof import apart

Fields = Sequence[str]
"""Names and values in turn, as they lie in a stream entry; `type` is the first name."""

_BOUNDED = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,10})?").fullmatch
_PLAIN = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?").fullmatch
_WHOLE = re.compile(r"0|[1-9][0-9]*").fullmatch
_FLAGS = {"true": True, "false": False}
_FLAG_TEXTS = {flag: text for text, flag in _FLAGS.items()}
_NOTHING = Decimal(0)
_IMMENSE = 100
_BINDING = 4  # event, its ID, chain, its hash: what the ledger writes behind a decision's own fields
_SHOWN = 80
_LISTED = 21  # fields, all that LimitsChanged once had: what was refused then is refused in the same words
_REMEMBERED = 1024  # texts, by each reader

_Reader = Callable[[str], Any]
"""From a field's text to its value; ValueError, or KeyError where few words are right, for any other text."""


class RefusedField(PortfoldError, ValueError):
    """A message is refused. The text is a sentence: which field, what was expected, what came."""

    exit_code = UNUSABLE


class _Plan(Struct, frozen=True):
    """How one message type is written and read.

    `kinds` are the fields' types with their bounds, `bases` the bare ones; `names` begin with `type`, which
    the readers `in_order` leave out; `spelled` checks that the text of a number or flag looks like one at
    all. `always` are name and how to write it of the fields that have no default, which come first; of the
    others `unless_default` has the default as well.
    """

    message: Callable[..., Struct]
    kinds: dict[str, Any]
    bases: tuple[type, ...]
    required: tuple[str, ...]
    names: list[str]
    readers: dict[str, _Reader]
    in_order: tuple[_Reader, ...]
    spelled: tuple[tuple[str, Callable[[str], object]], ...]
    always: tuple[tuple[str, Callable[[Any], str] | None], ...]
    unless_default: tuple[tuple[str, Any, Callable[[Any], str] | None], ...]


def _plan(message: type[Struct], is_decimal: Callable[[str], object]) -> _Plan:
    hints = get_type_hints(message, include_extras=True)
    fields = struct_fields(message)
    bases = {field.name: _base(hints[field.name]) for field in fields}
    spelled: dict[type, Callable[[str], object]] = {
        Decimal: is_decimal,
        int: str.isdecimal,
        bool: _FLAGS.__contains__,
    }
    readers = {field.name: _reader(hints[field.name], is_decimal) for field in fields}
    columns = [(field.name, field.default, _RENDERED.get(bases[field.name])) for field in fields]
    return _Plan(
        message=message,
        kinds={field.name: hints[field.name] for field in fields},
        bases=tuple(bases.values()),
        required=tuple(field.name for field in fields if field.default is NODEFAULT),
        names=["type", *readers],
        readers={"type": str} | readers,
        in_order=tuple(readers.values()),
        spelled=tuple((name, spelled[base]) for name, base in bases.items() if base in spelled),
        always=tuple((name, rendered) for name, default, rendered in columns if default is NODEFAULT),
        unless_default=tuple(column for column in columns if column[1] is not NODEFAULT),
    )


def _base(kind: object) -> type:
    """Returns the bare type of an annotated one; a choice of words is text."""
    base = get_args(kind)[0]
    return base if isinstance(base, type) else str


# --- reading a text, by the kind of its field -------------------------------------------------------------


@cache
def _reader(kind: Any, is_decimal: Callable[[str], object]) -> _Reader:
    """Returns the reader of a kind, one for all fields of it."""
    base, meta = get_args(kind)
    remembering = lru_cache(_REMEMBERED)
    if base is Decimal:
        return remembering(_decimals(is_decimal))
    if base is int:
        return remembering(_whole_numbers(meta))
    if base is str:
        return remembering(_texts(meta))
    return _FLAGS.__getitem__ if base is bool else {word: word for word in get_args(base)}.__getitem__


def _decimals(is_decimal: Callable[[str], object]) -> _Reader:
    def read(text: str) -> Decimal:
        if is_decimal(text):
            return Decimal(text) if text != "-0" else _NOTHING  # always read without its sign
        raise ValueError(text)

    return read


def _whole_numbers(meta: Meta) -> _Reader:
    least, most = meta.ge, meta.le

    def read(text: str) -> int:
        if _WHOLE(text):
            number = int(text)
            if (least is None or number >= least) and (most is None or number <= most):
                return number
        raise ValueError(text)

    return read


def _texts(meta: Meta) -> _Reader:
    least, most = meta.min_length or 0, meta.max_length
    fits = re.compile(meta.pattern or "").search

    def read(text: str) -> str:
        if len(text) >= least and (most is None or len(text) <= most) and fits(text):
            return text
        raise ValueError(text)

    return read


# --- writing a value --------------------------------------------------------------------------------------


def _plain(amount: Decimal) -> str:
    text = str(amount)
    if "E" not in text or abs(amount.adjusted()) >= _IMMENSE:
        return text  # written out, an immense one would fill the memory; every reader refuses it
    return format(amount, "f")


_RENDERED: dict[type, Callable[[Any], str]] = {Decimal: _plain, int: str, bool: _FLAG_TEXTS.__getitem__}
"""How a value becomes text; what is not here is text already."""

# --- messages ---------------------------------------------------------------------------------------------

_EVENTS = {message.__name__: _plan(message, _BOUNDED) for message in get_args(Event)}
_DECISIONS = {message.__name__: _plan(message, _PLAIN) for message in get_args(Decision)}
_ALL = _EVENTS | _DECISIONS


def decode_event(fields: Fields) -> Event | Malformed:
    """Reads an entry of the events stream, whatever proves whose it is.

    Never raises: one that is no event comes back as `Malformed`.
    """
    return decode_bare(apart(fields)[0])


def decode_bare(fields: Fields) -> Event | Malformed:
    """Reads the same where a proof is none of its fields, as once."""
    try:
        event: Event = _decode(fields, _EVENTS)
    except RefusedField as refused:
        return Malformed(reason=str(refused), type=_shown(_by_name(fields).get("type", "")))
    return event


def decode_decision(fields: Fields) -> Decision:
    """Reads a decision's own fields (without `event` and `chain`). Raises RefusedField."""
    decision: Decision = _decode(fields, _DECISIONS)
    return decision


def decode_decided(fields: Fields) -> tuple[Decision, str]:
    """Reads an entry of the decisions stream: the decision, and the ID of its cause. Raises RefusedField."""
    if len(fields) < _BINDING or (fields[-4], fields[-2]) != ("event", "chain"):
        raise RefusedField("event: missing; expected a decision to end with its event and its chain")
    return decode_decision(fields[:-_BINDING]), fields[-3]


def encode(message: Event | WorkerEvent | Decision) -> list[str]:
    """Writes a message as flat text fields, `type` first, without fields at their default. Checks nothing."""
    kind = type(message).__name__
    plan, values, flat = _ALL[kind], iter(astuple(message)), ["type", kind]
    for (name, rendered), value in zip(plan.always, values):  # noqa: B905 - the others are yet to come
        flat.append(name)
        flat.append(rendered(value) if rendered else value)
    for (name, default, rendered), value in zip(plan.unless_default, values):  # noqa: B905 - see `_by_name`
        if value is not default and value != default:
            flat += (name, rendered(value) if rendered else value)
    return flat


def encode_checked(message: Event) -> list[str]:
    """Writes a message as `encode` does. Raises RefusedField for what a reader would refuse.

    Refuses a value of another Python type too: a float for a price would be rounded on its way, and the text
    "false" for a flag would mean true.
    """
    plan = _EVENTS[type(message).__name__]
    bases = tuple(map(type, astuple(message)))
    if bases != plan.bases:
        raise RefusedField(_ill_typed(plan, bases))
    flat = encode(message)
    _decode(flat, _EVENTS)
    return flat


def _decode(fields: Fields, plans: dict[str, _Plan]) -> Any:
    each = iter(fields)
    try:
        plan = plans[fields[1] if fields[0] == "type" else _by_name(fields)["type"]]
        if len(fields) % 2 == 0 and fields[::2] == plan.names[: len(fields) // 2]:  # as we write it
            texts = zip(plan.in_order, fields[3::2])  # noqa: B905 - what is not there has its default
            return plan.message(*[read(text) for read, text in texts])
        readers = plan.readers
        values = {name: readers[name](text) for name, text in zip(each, each)}  # noqa: B905 - see `_by_name`
        del values["type"]
        if len(values) * 2 + 2 == len(fields):
            return plan.message(**values)
        why: Exception = ValueError("a name without its value, or one twice")
    except (LookupError, TypeError, ValueError) as invalid:  # TypeError: a field is missing
        why = invalid
    raise RefusedField(_refusal(fields, plans, why))


def _by_name(fields: Fields) -> dict[str, str]:
    each = iter(fields)
    return dict(zip(each, each))  # noqa: B905 - naming `strict` costs as much as a third of the rest


# --- why not: the sentences -----------------------------------------------------------------------------


def _refusal(fields: Fields, plans: dict[str, _Plan], invalid: Exception) -> str:
    by_name = _by_name(fields)
    plan = plans.get(by_name.get("type", ""))
    if plan is None:
        return _no_such_type(by_name, plans)
    if len(by_name) * 2 != len(fields):
        return _unpaired(plan, fields)
    for name, spelled in plan.spelled:
        if name in by_name and not spelled(by_name[name]):
            return _expected(plan, name, by_name[name])
    return _explained(plan, by_name, invalid)


def _explained(plan: _Plan, by_name: dict[str, str], invalid: Exception) -> str:
    """Finds the field that is to blame."""
    kind = plan.message.__name__
    for name in by_name:
        if name not in plan.readers:
            known = ", ".join([*plan.kinds][:_LISTED]) or "none"
            return f"{kind}.{_shown(name)}: not a field of {kind}; its fields are {known}"
    for name in plan.required:
        if name not in by_name:
            return f"{kind}.{name}: missing; expected {_expectation(plan, name)}"
    for name, value in by_name.items():
        if not _fits(value, plan.readers[name]):
            return _expected(plan, name, value)
    # Each field is right by itself, so a rule of the message is broken; its sentence begins with a field.
    rule = str(invalid)
    return f"{kind}.{rule}, got '{_shown(by_name.get(rule.partition(':')[0], ''))}'"


def _fits(value: str, reader: _Reader) -> bool:
    try:
        reader(value)
    except (LookupError, ValueError):
        return False
    return True


def _expectation(plan: _Plan, name: str) -> str:
    return str(get_args(plan.kinds[name])[-1].description)


def _expected(plan: _Plan, name: str, value: str) -> str:
    return f"{plan.message.__name__}.{name}: expected {_expectation(plan, name)}, got '{_shown(value)}'"


def _ill_typed(plan: _Plan, got: tuple[type, ...]) -> str:
    name, base, came = next(
        (name, base, came)
        for name, base, came in zip(plan.kinds, plan.bases, got, strict=True)
        if base is not came
    )
    expected = f"{_expectation(plan, name)} ({base.__name__})"
    return f"{plan.message.__name__}.{name}: expected {expected}, got a value of type {came.__name__}"


def _no_such_type(by_name: dict[str, str], plans: Iterable[str]) -> str:
    if "type" not in by_name:
        return f"type: missing; expected one of {', '.join(plans)}"
    return f"type: expected one of {', '.join(plans)}, got '{_shown(by_name['type'])}'"


def _unpaired(plan: _Plan, fields: Fields) -> str:
    kind = plan.message.__name__
    if len(fields) % 2:
        return f"{kind}.{_shown(fields[-1])}: expected a value after the name, got none"
    (repeated, _), *_ = Counter(fields[::2]).most_common(1)
    return f"{kind}.{_shown(repeated)}: expected once, got it more than once"


def _shown(value: str) -> str:
    """Shows a stranger's text safely: cut, and with nothing in it that could steer a terminal."""
    cut = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return DECEIVING.sub("\N{REPLACEMENT CHARACTER}", cut)
