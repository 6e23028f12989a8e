"""What there is to be asked for: which contract a symbol leads to, and all that was ever traded."""

from datetime import UTC, date, datetime
from itertools import count

from tests.fakes.databento_gateway.wire import NS_IN_MS, SCHEMA_OF, Listing, Record

_EVER = date(2000, 1, 1)


class Market:
    """Time is that of the last record, or what a test sets."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.tape: list[Record] = []
        self._listings: dict[str, list[Listing]] = {}
        self._numbers = count(1001)

    def enlist(self, vendor: str, contract: str, since: date = _EVER) -> int:
        """Lets a symbol lead to a contract from a day on; the number of its instrument."""
        known = [each for all_of in self._listings.values() for each in all_of if each.contract == contract]
        instrument = known[0].instrument if known else next(self._numbers)
        self._listings.setdefault(vendor, []).append(Listing(since, contract, instrument))
        self._listings[vendor].sort()
        return instrument

    def listings(self, vendor: str) -> list[Listing]:
        """All contracts of a symbol, in the order of their days."""
        return self._listings.get(vendor, [])

    def listed(self, vendor: str) -> Listing | None:
        """The contract of a symbol today."""
        today = datetime.fromtimestamp(self.now_ms / 1_000, UTC).date()
        return next((each for each in reversed(self.listings(vendor)) if each.since <= today), None)

    def contract_of(self, instrument: int) -> str | None:
        """What the exchange calls an instrument."""
        all_of = (each for listings in self._listings.values() for each in listings)
        return next((each.contract for each in all_of if each.instrument == instrument), None)

    def add(self, record: Record) -> None:
        """Writes a record down, and moves the time on."""
        self.tape.append(record)
        self.now_ms = max(self.now_ms, record.ts_event // NS_IN_MS)

    def traded(
        self, schema: str, instruments: set[int], from_ns: int, to_ns: int | None = None
    ) -> list[Record]:
        """What was ever said of instruments in a schema, from a time on, in the order of time."""
        found = [
            each
            for each in self.tape
            if SCHEMA_OF.get(int(each.rtype)) == schema
            and each.instrument_id in instruments
            and from_ns <= each.ts_event
            and (to_ns is None or each.ts_event < to_ns)
        ]
        return sorted(found, key=lambda each: each.ts_event)
