"""Pieces come to the same wherever they are done, each once, and what ends whoever does them is said."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import portfold
from portfold.pieces.alike import source
from portfold.pieces.pieces import ClusterUnusable, WorkLost, in_order, shares
from portfold.pieces.place import Place, place_of
from tests.portfold.pieces import some


def test_all_source_counts_for_whether_code_is_alike() -> None:
    here = Path(portfold.__file__).parent
    packages = [one.removeprefix("portfold.").replace(".", "/") for one in sys.modules if "portfold." in one]
    files = [file for one in packages for file in (f"{one}.py", f"{one}/__init__.py")]
    imported = {file for file in files if (here / file).is_file()}
    assert imported - source().keys() == set()
    assert "servers/own.py" in source()


def test_in_this_process_and_in_several_it_comes_to_the_same_in_the_same_order() -> None:
    for place in (Place(), Place(2)):
        with place.working("given") as pieces:
            answers = list(in_order(pieces, some.with_number, range(9)))
        assert answers == [f"given {number}" for number in range(9)], place


def test_no_more_pieces_are_handed_in_than_keep_all_busy() -> None:
    handed_in: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            handed_in.append(number)
            yield number

    with Place(2).working("given") as pieces:
        assert next(in_order(pieces, some.with_number, numbers())) == "given 0"
        assert handed_in == [0, 1, 2, 3]


def test_what_a_piece_raises_is_its_answers_alone() -> None:
    for place in (Place(), Place(2)):
        with place.working("given") as pieces:
            refused, sound = pieces.submit(some.refuse, 7), pieces.submit(some.with_number, 8)
            assert sound.result() == "given 8"
            with pytest.raises(KeyError, match="7"):
                refused.result()


def test_ctrl_c_in_this_process_is_no_answer() -> None:
    with Place().working("given") as pieces, pytest.raises(KeyboardInterrupt):
        pieces.submit(some.interrupted, 1)


def test_where_a_process_ends_with_a_piece_it_and_all_later_ones_are_lost() -> None:
    with Place(2).working("given") as pieces:
        for _ in range(2):
            with pytest.raises(WorkLost, match="ended from outside"):
                pieces.submit(some.die, 1).result()


def test_a_block_that_fails_while_answers_are_on_their_way_ends() -> None:
    def fails_at_the_first() -> None:
        with Place(2).working("given") as pieces:
            answers = [pieces.submit(some.long_answer, number) for number in range(4)]
            raise KeyError(len(answers[0].result()))

    for _ in range(3):
        with pytest.raises(KeyError):
            fails_at_the_first()


def test_shares_are_of_like_size_and_none_is_empty() -> None:
    assert [len(share) for share in shares(7, 3)] == [2, 2, 3]
    assert [list(share) for share in shares(2, 5)] == [[0], [1]]
    assert shares(0, 3) == []


@pytest.mark.parametrize(
    "address", ["", "10.0.0.5:8786", "tcp://10.0.0.5", "tcp://10.0.0.5:0", "tcp://a b:1", "tls://a:1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ClusterUnusable, match=r"--cluster: expected tcp://HOST:PORT of a scheduler, got"):
        place_of(cluster=address)


def test_an_address_is_taken_as_it_stands() -> None:
    for address in ("tcp://10.0.0.5:8786", "tcp://[::1]:65535", "tcp://scheduler-1.local:1"):
        assert place_of(cluster=address) == Place(cluster=address)
