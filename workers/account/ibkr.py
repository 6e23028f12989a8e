"""The account at Interactive Brokers, by TWS or IB Gateway, as a client of its own that only reads.

"account": {"name": "DU1234567", "source": "ibkr", "options": {"port": 4002}}

It connects when it is first read, so that a watcher which stands by takes nobody's client id. Nothing that is
held is left out: what is no future makes the account unreadable, as its symbol could be another's.

Positions and orders are of now, but Interactive Brokers documents that the dollars may be three minutes old.
Guarantees: it says how old they may be: since they last changed, and never more than `values_seconds`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from typing import Annotated

from msgspec import Struct, field
from msgspec.structs import replace

from portfold.clock import Clock, SystemClock
from portfold.config import ConfigError
from portfold.config.rules import Duration, Symbol, Text, Whole
from portfold.installing import install_command
from portfold.workers.account.months import as_one
from portfold.workers.account.source import AccountSetup, AccountSnapshot, AccountUnreadable
from portfold.workers.brokers.ibkr.account_connection import AccountConnection, AccountRows
from portfold.workers.brokers.ibkr.connection import ConnectionSetup
from portfold.workers.brokers.ibkr.contracts import NAMES
from portfold.workers.brokers.ibkr.heard import AccountValue, HeldContract, WorkingOrder
from portfold.workers.brokers.protocol import BrokerError

_DOLLARS = ("USD", "BASE")
"""Of profits, BASE is what all currencies come to, in that of the equity; and the equity has to be in USD."""


class IbkrAccountOptions(Struct, frozen=True):
    """Where the gateway is, and as which client it is asked: another than any broker's.

    `names` is what Interactive Brokers calls a future that it does not call as the exchange does;
    `values_seconds` how old the account's dollars may be.
    """

    port: Annotated[int, Whole(1, 65_535)]
    host: Annotated[str, Text(r"[A-Za-z0-9.:-]{1,253}", "a host such as 127.0.0.1")] = "127.0.0.1"
    client_id: Annotated[int, Whole(1, 1_000_000)] = 100
    connect_seconds: Annotated[float, Duration(60)] = 10.0
    answer_seconds: Annotated[float, Duration(60)] = 3.0
    values_seconds: Annotated[float, Duration(600)] = 180.0
    names: Mapping[Symbol, Annotated[str, Text(r"[A-Z0-9]{1,20}", "a name such as EUR")]] = field(
        default_factory=dict
    )


class IbkrSource:
    """Reads by a connection that `connect` makes; `symbols` are ours by the broker's names."""

    def __init__(
        self,
        connect: Callable[[], AccountConnection],
        symbols: Mapping[str, str],
        answer_seconds: float,
        values_seconds: float,
        clock: Clock | None = None,
    ) -> None:
        self._connect = connect
        self._connection: AccountConnection | None = None
        self._symbols = symbols
        self._seconds = answer_seconds
        self._dollars = _DollarsAge(values_seconds)
        self._clock = clock or SystemClock()

    def read(self) -> AccountSnapshot:
        """Asks the gateway now. Raises AccountUnreadable."""
        if self._connection is None:
            self._connection = self._connect()
            self._connection.open()
        try:
            self._connection.wait_until_up(self._seconds)
            asked_at = self._clock.monotonic()
            rows = self._connection.read_account(self._seconds)
        except BrokerError as error:
            raise AccountUnreadable(str(error)) from error
        snapshot = snapshot_of(rows, self._symbols)
        return replace(snapshot, dollars_age=self._dollars.seen(snapshot, asked_at))

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()


class _DollarsAge:
    """How old the dollars may be: they come all at once, at the latest after so many seconds."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._seen: tuple[Decimal, ...] = ()
        self._asked_at = self._no_older_than = float("-inf")

    def seen(self, snapshot: AccountSnapshot, asked_at: float) -> float:
        """Returns how many seconds before `asked_at` they may be from.

        Others than at the question before have come after that.
        """
        dollars = (snapshot.equity, snapshot.realized, snapshot.unrealized)
        if dollars != self._seen:
            self._no_older_than = self._asked_at
        self._seen, self._asked_at = dollars, asked_at
        return min(self._longest, asked_at - self._no_older_than)


def snapshot_of(rows: AccountRows, symbols: Mapping[str, str]) -> AccountSnapshot:
    """Returns what the gateway's rows say in our symbols and in dollars. Raises AccountUnreadable."""
    held: dict[str, list[tuple[int, Decimal]]] = {}
    for each in rows.held:
        if each.size:
            held.setdefault(_symbol(each, symbols), []).append((each.size, _price(each)))
    working: dict[str, int] = {}
    for order in rows.working:
        symbol = _symbol(order, symbols)
        working[symbol] = working.get(symbol, 0) + 1
    return AccountSnapshot(
        _dollars(rows.values, "NetLiquidation", _DOLLARS[:1]),
        _dollars(rows.values, "RealizedPnL"),
        _dollars(rows.values, "UnrealizedPnL"),
        tuple(as_one(symbol, months) for symbol, months in sorted(held.items())),
        working,
    )


def _symbol(of: HeldContract | WorkingOrder, symbols: Mapping[str, str]) -> str:
    if of.kind != "FUT":
        raise AccountUnreadable(
            f"The account has {of.symbol} ({of.kind}), which is no future: nothing of the account is "
            "reported, as a part of it would mislead"
        )
    return symbols.get(of.symbol, of.symbol)


def _price(held: HeldContract) -> Decimal:
    try:
        multiplier = Decimal(held.multiplier or 1)
    except InvalidOperation:
        multiplier = Decimal(0)
    if multiplier <= 0:
        raise AccountUnreadable(f"{held.symbol} has the multiplier {held.multiplier!r} at the gateway")
    return held.average_cost / multiplier


def _dollars(values: Iterable[AccountValue], name: str, currencies: Sequence[str] = _DOLLARS) -> Decimal:
    """Returns a figure of the account. Raises AccountUnreadable where there is none in dollars."""
    there = {each.currency: each.value for each in values if each.name == name}
    for currency in currencies:
        if currency in there:
            try:
                amount = Decimal(there[currency])
            except InvalidOperation:
                break
            if amount.is_finite():
                return amount
    found = ", ".join(f"{value} {currency}" for currency, value in there.items()) or "nothing"
    raise AccountUnreadable(f"Expected {name} in dollars from Interactive Brokers, got {found}")


def open_ibkr(setup: AccountSetup, clock: Clock | None = None) -> IbkrSource:
    """Returns the source of kind `ibkr`, which has not connected yet. Raises ConfigError."""
    options = setup.options(IbkrAccountOptions)
    if find_spec("ib_async") is None:
        runtime = setup.configuration.files.runtime.path
        expected = f"the package ib_async to be installed: {install_command('ibkr')}"
        raise ConfigError(runtime, "account.source", expected, "ibkr without it")
    place = ConnectionSetup(
        options.host, options.port, options.client_id, setup.account.name, options.connect_seconds
    )
    symbols = {theirs: ours for ours, theirs in {**NAMES, **options.names}.items()}
    return IbkrSource(
        lambda: AccountConnection(place, setup.log),
        symbols,
        options.answer_seconds,
        options.values_seconds,
        clock,
    )
