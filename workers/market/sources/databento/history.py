"""Minutes of Databento's historical API, for what intraday replay does not reach; and files in DBN.

Databento bills what is asked for. Contracts are named by the exchange's own names, which a second question
resolves: continuous symbols lead to numbers of instruments only.

Guarantees: minutes in the order of time, each with the contract that its symbol was on that day (UTC).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from portfold.exchange_time import milliseconds_of, utc
from portfold.workers.feeds.dbn_units import NS_IN_MS, ms_of
from portfold.workers.market.source import MINUTE_MS
from portfold.workers.market.sources.databento.records import Records
from portfold.workers.market.sources.databento.secret import Key
from portfold.workers.market.sources.databento.subscription import Group, Options, Symbols
from portfold.workers.market.sources.items import ClockAt, Item, Mapped, Unknown

_SCHEMA = "ohlcv-1m"
_NO_KEY = Key("db-none")


class Span(NamedTuple):
    """From `from_ms` to `to_ms`, which is not in it."""

    from_ms: int
    to_ms: int


class History:
    """Asks the historical API. Raises what its client raises."""

    def __init__(self, options: Options, symbols: Symbols, key: Key) -> None:
        import databento  # noqa: PLC0415 - an extra, and heavy

        gateway = {"gateway": options.history_gateway} if options.history_gateway else {}
        self._client: Any = databento.Historical(key=key.reveal(), **gateway)
        self._dataset, self._symbols, self._key = options.dataset, symbols, key

    def available_to_ms(self) -> int:
        """Returns up to where minutes can be had, rounded down to a minute."""
        known: Mapping[str, Any] = self._client.metadata.get_dataset_range(dataset=self._dataset)
        end = known.get("schema", {}).get(_SCHEMA, known).get("end", known["end"])
        moment = datetime.fromisoformat(_to_microseconds(str(end)))
        ms = milliseconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return ms // MINUTE_MS * MINUTE_MS

    def minutes(self, span: Span) -> Iterator[Item]:
        """Gives the minutes of a span as they were traded, and what time it was then."""
        stores = [(group, self._store(group, span)) for group in self._symbols.groups]
        found: list[tuple[int, Any, Mapping[int, list[_Named]]]] = []
        for group, store in stores:
            named = _instruments(store, self._names(group, store, span))
            found += [(record.ts_event, record, named) for record in store]
        records = Records(self._symbols, self._key)
        for at_ns, record, named in sorted(found, key=lambda each: each[0]):
            yield from _mapped(records, self._symbols, record.instrument_id, ms_of(at_ns), named)
            yield from records.read(record)
        yield ClockAt(span.to_ms)

    def _store(self, group: Group, span: Span) -> Any:
        return self._client.timeseries.get_range(
            dataset=self._dataset,
            start=span.from_ms * NS_IN_MS,
            end=span.to_ms * NS_IN_MS,
            symbols=list(group.symbols),
            schema=_SCHEMA,
            stype_in=group.stype,
        )

    def _names(self, group: Group, store: Any, span: Span) -> "_Names":
        """Returns what the exchange calls an instrument on a day."""
        instruments = sorted(
            {each["symbol"] for intervals in store.metadata.mappings.values() for each in intervals}
        )
        if group.stype == "raw_symbol" or not instruments:
            return lambda vendor, _instrument, _day: vendor
        first = utc(span.from_ms).date()
        resolved = self._client.symbology.resolve(
            dataset=self._dataset,
            symbols=instruments,
            stype_in="instrument_id",
            stype_out="raw_symbol",
            start_date=first,
            end_date=date.fromordinal(utc(span.to_ms - 1).date().toordinal() + 1),
        )["result"]

        def name(vendor: str, instrument: str, day: date) -> str:
            for each in resolved.get(instrument, ()):
                if each["d0"] <= max(day, first).isoformat() < each["d1"]:
                    return str(each["s"])
            raise ValueError(f"nothing says which contract {vendor} was on {day}, instrument {instrument}")

        return name


def fill(history: Callable[[], History], span: Span) -> Iterator[Item]:
    """Gives the minutes of a span, as far as the historical API has them, then what stays unknown.

    Raises what its client raises, before anything was given.
    """
    asked = history()
    to_ms = min(span.to_ms, asked.available_to_ms())
    if to_ms > span.from_ms:
        yield from list(asked.minutes(Span(span.from_ms, to_ms)))
    if to_ms < span.to_ms:
        yield Unknown(max(span.from_ms, to_ms), span.to_ms, "the historical API does not have it yet.")


def read_file(path: Path, symbols: Symbols) -> Iterator[Item]:
    """Gives what a file in DBN holds of `symbols`, as a session would; a historical one names contracts by
    the symbols it was asked for.
    """
    import databento  # noqa: PLC0415 - an extra, and heavy

    with path.open("rb") as file:
        store = databento.DBNStore.from_bytes(file)
    named = _instruments(store, lambda vendor, _instrument, _day: vendor)
    records = Records(symbols, _NO_KEY)
    for record in store:
        yield from _mapped(records, symbols, record.instrument_id, ms_of(record.ts_index), named)
        yield from records.read(record)


_Names = Callable[[str, str, date], str]


class _Named(NamedTuple):
    first: date
    beyond: date
    vendor: str
    contract: str


def _instruments(store: Any, name: _Names) -> Mapping[int, list[_Named]]:
    """Returns whose an instrument is, from which day to before which."""
    found: dict[int, list[_Named]] = {}
    for vendor, intervals in store.metadata.mappings.items():
        for each in intervals:
            if each["symbol"]:
                contract = name(vendor, each["symbol"], each["start_date"])
                named = _Named(each["start_date"], each["end_date"], vendor, contract)
                found.setdefault(int(each["symbol"]), []).append(named)
    return found


def _mapped(
    records: Records, symbols: Symbols, instrument: int, at_ms: int, named: Mapping[int, list[_Named]]
) -> Iterator[Item]:
    day = utc(at_ms).date()
    for each in named.get(instrument, ()):
        symbol = symbols.ours_of(each.vendor)
        if symbol is not None and each.first <= day < each.beyond:
            if records.map(symbol, each.contract, instrument):
                yield Mapped(symbol, each.contract, at_ms)
            return


def _to_microseconds(text: str) -> str:
    """Returns an ISO time whose nanoseconds are cut, as Python's clock has none."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = rest[: next((at for at, letter in enumerate(rest) if not letter.isdigit()), len(rest))]
    return f"{head}.{digits[:6]}{rest[len(digits) :]}"
