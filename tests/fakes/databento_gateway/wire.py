"""What goes over the wire: lines of text before a session, records of DBN in it."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import databento_dbn

dbn: Any = databento_dbn  # its stubs take the members of its enumerations for text and numbers
NS_IN_MS = 1_000_000
BUCKET = 5  # letters of the key that name it
Record = Any
SCHEMA_OF = {32: "ohlcv-1s", 33: "ohlcv-1m", 34: "ohlcv-1h", 0: "trades", 18: "status", 19: "definition"}


class Listing(NamedTuple):
    """The contract that a symbol leads to from a day on (UTC)."""

    since: date
    contract: str
    instrument: int


def answer_to(challenge: str, key: str) -> str:
    """What the holder of a key answers to a challenge."""
    digest = hashlib.sha256(f"{challenge}|{key}".encode()).hexdigest()
    return f"{digest}-{key[-BUCKET:]}"


def parse(line: bytes) -> dict[str, str]:
    """The fields of a line: `a=1|b=2`."""
    return dict(part.partition("=")[::2] for part in line.decode().strip().split("|"))


def units(price: str) -> int:
    """A price in units of 1e-9."""
    return int(Decimal(price) * 10**9)


def bar(instrument: int, at_ms: int, prices: str, volume: int = 1, schema: str = "ohlcv-1s") -> Record:
    """A bar that opens at `at_ms`; `prices` are open, high, low and close, or one for all."""
    four = [units(price) for price in prices.split()]
    opened, high, low, close = four if len(four) == 4 else four * 4
    rtype = next(number for number, name in SCHEMA_OF.items() if name == schema)
    return dbn.OHLCVMsg(rtype, 1, instrument, at_ms * NS_IN_MS, opened, high, low, close, volume)


def trade(instrument: int, at_ms: int, price: str, size: int = 1, received_after_us: int = 300) -> Record:
    """One trade, received a moment after it was made."""
    at_ns = at_ms * NS_IN_MS
    return dbn.TradeMsg(
        1,
        instrument,
        at_ns,
        units(price),
        size,
        dbn.Action.TRADE,
        dbn.Side.BID,
        0,
        at_ns + received_after_us * 1_000,
    )


def status(instrument: int, at_ms: int, *, is_trading: bool) -> Record:
    """The exchange opens trading, or closes it."""
    said = dbn.TriState.YES if is_trading else dbn.TriState.NO
    action = dbn.StatusAction.TRADING if is_trading else dbn.StatusAction.PAUSE
    at_ns = at_ms * NS_IN_MS
    return dbn.StatusMsg(1, instrument, at_ns, at_ns + 1, action=action, is_trading=said)


def definition(instrument: int, at_ms: int, contract: str, ends_ms: int) -> Record:
    """What the exchange says of a contract: when it ends, among much else that is left out here."""
    at_ns = at_ms * NS_IN_MS
    return dbn.InstrumentDefMsg(
        1,
        instrument,
        at_ns,
        at_ns + 1,
        units("0.25"),
        units("1"),
        contract,
        "ES",
        "FUT",
        dbn.InstrumentClass.FUTURE,
        dbn.SecurityUpdateAction.ADD,
        expiration=ends_ms * NS_IN_MS,
    )


def mapping(vendor: str, listing: Listing, at_ms: int) -> Record:
    """From now on the symbol is this contract."""
    stype = dbn.SType.CONTINUOUS if "." in vendor else dbn.SType.RAW_SYMBOL
    never = dbn.UNDEF_TIMESTAMP
    return dbn.SymbolMappingMsg(
        0,
        listing.instrument,
        at_ms * NS_IN_MS,
        stype,
        vendor,
        dbn.SType.RAW_SYMBOL,
        listing.contract,
        never,
        never,
    )


def system(at_ms: int, code: str, text: str) -> Record:
    """A system message; `code` is a name of `databento_dbn.SystemCode`."""
    return dbn.SystemMsg(at_ms * NS_IN_MS, text, getattr(dbn.SystemCode, code))


def error(at_ms: int, code: str, text: str) -> Record:
    """An error; `code` is a name of `databento_dbn.ErrorCode`."""
    return dbn.ErrorMsg(at_ms * NS_IN_MS, text, code=getattr(dbn.ErrorCode, code))


def live_metadata(dataset: str, at_ms: int) -> bytes:
    """What precedes the records of a session."""
    header = dbn.Metadata(
        dataset, at_ms * NS_IN_MS, None, dbn.SType.INSTRUMENT_ID, None, version=dbn.DBN_VERSION
    )
    return bytes(header)
