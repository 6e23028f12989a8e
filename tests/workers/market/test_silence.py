"""A symbol that gives no price while its session is open is told, once."""

from portfold.workers.market.silence import SilenceWatch
from tests.workers.market.traded import TEN

PATIENCE_MS = 300_000


def watch() -> SilenceWatch:
    return SilenceWatch(["ES", "CL"], PATIENCE_MS)


def kinds(notices: object) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind, each.symbols) for each in notices]  # type: ignore[attr-defined]


def test_silence_is_told_after_its_patience_and_only_once() -> None:
    watched = watch()
    watched.session("ES", is_open=True, at_ms=TEN)
    assert list(watched.at(TEN + PATIENCE_MS - 1)) == []
    (notice,) = watched.at(TEN + PATIENCE_MS)
    assert (notice.kind, notice.symbols) == ("silent_symbol", ("ES",))
    assert "ES has given no price for 5 m 00 s while its session is open" in notice.sentence
    assert list(watched.at(TEN + 2 * PATIENCE_MS)) == []


def test_a_price_puts_it_off_and_ends_it() -> None:
    watched = watch()
    watched.session("ES", is_open=True, at_ms=TEN)
    assert list(watched.price("ES", TEN + 1)) == []
    assert list(watched.at(TEN + PATIENCE_MS)) == []
    assert kinds(watched.at(TEN + PATIENCE_MS + 1)) == [("silent_symbol", ("ES",))]
    assert kinds(watched.price("ES", TEN + PATIENCE_MS + 2)) == [("recovered", ("ES",))]
    assert kinds(watched.at(TEN + 2 * PATIENCE_MS + 2)) == [("silent_symbol", ("ES",))]


def test_a_closed_session_and_one_nobody_has_spoken_of_are_no_silence() -> None:
    watched = watch()
    watched.session("ES", is_open=True, at_ms=TEN)
    watched.session("ES", is_open=False, at_ms=TEN + 1)
    assert list(watched.at(TEN + 10 * PATIENCE_MS)) == []
    watched.session("ES", is_open=True, at_ms=TEN + 10 * PATIENCE_MS)
    assert list(watched.at(TEN + 11 * PATIENCE_MS - 1)) == []
    assert kinds(watched.at(TEN + 11 * PATIENCE_MS)) == [("silent_symbol", ("ES",))]


def test_a_session_that_closes_ends_the_silence_that_was_told_and_no_other() -> None:
    watched = watch()
    for symbol in ("CL", "ES"):
        watched.session(symbol, is_open=True, at_ms=TEN)
    list(watched.price("CL", TEN + PATIENCE_MS))
    assert kinds(watched.at(TEN + PATIENCE_MS)) == [("silent_symbol", ("ES",))]
    closed_ms = TEN + PATIENCE_MS + 1
    assert kinds(watched.session("ES", is_open=False, at_ms=closed_ms)) == [("recovered", ("ES",))]
    assert kinds(watched.session("ES", is_open=False, at_ms=closed_ms)) == [], "which was told"
    assert kinds(watched.session("CL", is_open=False, at_ms=closed_ms)) == [], "which never was silent"
