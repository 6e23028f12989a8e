"""A stretch of the log between two moments, as the exchange's clock has them that is in force there."""

from itertools import islice

from portfold.coordinator.audit.record.moment import UTC_EXCHANGE, Exchange, Moment, MomentError, exchange_of
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.fold.limits import Limits
from portfold.events.codec import decode_event
from portfold.events.incoming import LimitsChanged
from portfold.events.stream_id import ORIGIN, StreamId

_LOOKED_AT = 10_000
_LIMITS = ["type", LimitsChanged.__name__]
_END = StreamId(2**64 - 1, 2**64 - 1)


class Span:
    """From `since` on, up to and with `until`; without one of them from the first or to the last event.

    A time without a date is on the day of the record's end; in `until`, on that of `since`.
    """

    def __init__(self, record: Record, since: Moment | None, until: Moment | None) -> None:
        self._since, self._until = since, until
        self._ends_ms = record.cursor.ms
        self._first = _first_exchange(record)
        self._exchange: Exchange | None = None
        self._ids = (ORIGIN, _END)

    def within(self, limits: Limits | None) -> tuple[StreamId, StreamId]:
        """Returns its first and its last ID, by the exchange of the limits in force. Raises MomentError."""
        exchange = self.exchange(limits)
        if exchange != self._exchange:
            self._exchange = exchange
            self._ids = self._within(exchange)
        return self._ids

    def exchange(self, limits: Limits | None) -> Exchange:
        """Returns the exchange of the limits in force; before any that of the first on record."""
        return exchange_of(limits) if limits is not None else self._first

    def _within(self, exchange: Exchange) -> tuple[StreamId, StreamId]:
        today = exchange.local(self._ends_ms).date()
        first = self._since.first(exchange, today) if self._since else ORIGIN
        if self._since is not None:
            today = self._since.lies_on(exchange, today)
        last = self._until.last(exchange, today) if self._until else _END
        if last < first:
            raise MomentError(f"Expected a stretch that ends after it begins, not from {first} to {last.ms}.")
        return first, last


def _first_exchange(record: Record) -> Exchange:
    """Returns the exchange of the first limits on record, which come with its first events."""
    for recorded in islice(record.recorded(), _LOOKED_AT):
        if recorded.event.fields[:2] == _LIMITS:
            event = decode_event(recorded.event.fields)
            if isinstance(event, LimitsChanged):
                return Exchange(event.zone, event.roll)
    return UTC_EXCHANGE
