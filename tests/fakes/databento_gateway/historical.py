"""The historical API, as far as it is used: what range there is, minutes, and names of instruments."""

import base64
import json
import ssl
import threading
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

import zstandard

from tests.fakes.databento_gateway.certificate import write_certificate
from tests.fakes.databento_gateway.market import Market
from tests.fakes.databento_gateway.wire import NS_IN_MS, dbn


class _Interval(NamedTuple):
    start_date: date
    end_date: date
    symbol: str


class _Mapping(NamedTuple):
    raw_symbol: str
    intervals: list[_Interval]


class Historical:
    """Serves on a free port until it is closed. `has_to_ms`: up to where it has minutes; `refuses_with`: a
    status and what it says, for whatever is asked.
    """

    def __init__(self, market: Market, folder: Path, *, key: str, has_to_ms: int) -> None:
        self.market = market
        self.key = key
        self.has_to_ms = has_to_ms
        self.refuses_with: tuple[int, str] | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.certificate, private = write_certificate(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, private)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, asked: dict[str, str]) -> tuple[int, bytes]:
        """What is answered to a method, such as `timeseries.get_range`."""
        self.asked.append((method, asked))
        if self.refuses_with is not None:
            status, detail = self.refuses_with
            return status, json.dumps({"detail": detail}).encode()
        if method == "metadata.get_dataset_range":
            end = f"{datetime.fromtimestamp(self.has_to_ms / 1_000, UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"
            start = "2010-06-06T00:00:00.000000000Z"
            known = {"start": start, "end": end}
            return 200, json.dumps({**known, "schema": {"ohlcv-1m": known}}).encode()
        if method == "symbology.resolve":
            return 200, json.dumps(self._resolved(asked)).encode()
        return self._minutes(asked)

    def _minutes(self, asked: dict[str, str]) -> tuple[int, bytes]:
        start, end = int(asked["start"]), int(asked["end"])
        if end > self.has_to_ms * NS_IN_MS:
            return 422, json.dumps({"detail": f"end {end} is after the available end"}).encode()
        vendors = asked["symbols"].split(",")
        days = _day(start), _day(end - 1) + timedelta(days=1)
        mappings = [_Mapping(vendor, self._intervals(vendor, *days)) for vendor in vendors]
        schema = dbn.Schema.from_str(asked["schema"])
        found: list[Any] = []
        for _, intervals in mappings:
            for each in intervals:
                first, beyond = max(start, _midnight(each.start_date)), min(end, _midnight(each.end_date))
                found += self.market.traded(asked["schema"], {int(each.symbol)}, first, beyond)
        stype = dbn.SType.from_str(asked["stype_in"])
        header = dbn.Metadata(
            asked["dataset"],
            start,
            stype,
            dbn.SType.INSTRUMENT_ID,
            schema,
            vendors,
            mappings=mappings,
            end=end,
            version=dbn.DBN_VERSION,
        )
        records = sorted(found, key=lambda each: each.ts_event)
        return 200, zstandard.compress(header.encode() + b"".join(map(bytes, records)))

    def _intervals(self, vendor: str, first: date, beyond: date) -> list[_Interval]:
        listings = self.market.listings(vendor)
        ends = [each.since for each in listings[1:]] + [beyond]
        clipped = [
            _Interval(max(each.since, first), min(end, beyond), str(each.instrument))
            for each, end in zip(listings, ends, strict=True)
        ]
        return [each for each in clipped if each.start_date < each.end_date]

    def _resolved(self, asked: dict[str, str]) -> dict[str, Any]:
        result = {
            number: [
                {
                    "d0": asked["start_date"],
                    "d1": asked["end_date"],
                    "s": self.market.contract_of(int(number)),
                }
            ]
            for number in asked["symbols"].split(",")
        }
        return {"result": result, "symbols": list(result), "partial": [], "not_found": [], "status": 0}


def _handler(history: Historical) -> type[BaseHTTPRequestHandler]:
    wanted = "Basic " + base64.b64encode(f"{history.key}:".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, dict(parse_qsl(parts.query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(self.path, dict(parse_qsl(body)))

        def _answer(self, path: str, asked: dict[str, str]) -> None:
            if self.headers.get("Authorization") != wanted:
                status, body = 401, b'{"detail": "Authentication failed"}'
            else:
                status, body = history.answer(path.removeprefix("/v0/"), asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tells nobody."""

    return Handler


def _day(ns: int) -> date:
    return datetime.fromtimestamp(ns / 10**9, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9
