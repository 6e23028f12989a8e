"""Which of Databento's symbols is which of ours, and what is subscribed of them."""

import pytest

from portfold.workers.market.source import MarketRefused
from portfold.workers.market.sources.databento.subscription import Group, Symbols


def test_symbols_are_subscribed_by_the_way_they_are_named() -> None:
    symbols = Symbols({"ES": "ES.v.0", "CL": "CLJ6", "NQ": "NQ.n.0", "6A": "6AH2027"})
    assert symbols.groups == (
        Group("continuous", ("ES.v.0", "NQ.n.0")),
        Group("raw_symbol", ("CLJ6", "6AH7")),
    )
    assert symbols.ours == ("6A", "CL", "ES", "NQ")
    assert [symbols.ours_of(each) for each in ("6AH7", "ES.v.0", "ES")] == ["6A", "ES", None]
    assert symbols.rolls()
    assert not Symbols({"CL": "CLJ6"}).rolls()


@pytest.mark.parametrize(
    "named", ["ES", "ES.x.0", "ES.v", "es.v.0", "ESA6", "ES.FUT", "", "ESZ26", "ES.v.0\n"]
)
def test_what_names_neither_is_refused(named: str) -> None:
    with pytest.raises(
        MarketRefused, match=r"^market\.symbols\.ES: expected a continuous symbol such as ES\.v\.0"
    ):
        Symbols({"ES": named})


def test_two_of_ours_cannot_be_one_of_theirs() -> None:
    with pytest.raises(MarketRefused, match=r"^market\.symbols: MES and ES are both ESH6 at Databento"):
        Symbols({"ES": "ESH6", "MES": "ESH2026"})


def test_a_sentence_names_whom_it_is_about() -> None:
    symbols = Symbols({"ES": "ES.v.0", "CL": "CLJ6"})
    assert symbols.named_in("Failed to resolve symbol: CLJ6.") == ("CL",)
    assert symbols.named_in("Failed to resolve ES.v.0, CLJ6") == ("CL", "ES")
    assert symbols.named_in("Failed to resolve XES.v.01") == ()
    assert symbols.shown(("CL", "ES")) == "CL (CLJ6), ES (ES.v.0)"
