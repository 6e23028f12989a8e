"""Reading JSON strictly: exact numbers, and one sentence for each way in which a file can be unusable."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import ConfigError
from portfold.config.strict_json import LARGEST_FILE, exists, read_json


def read(tmp_path: Path, content: str | bytes) -> object:
    path = tmp_path / "some.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_json(path)


def refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    tree = read(tmp_path, "[0.1, 0.30000000000000000000000001, 1e2, 7]")

    assert tree == [Decimal("0.1"), Decimal("0.30000000000000000000000001"), Decimal(100), 7]
    assert isinstance(tree, list)
    assert [type(item) for item in tree] == [Decimal, Decimal, Decimal, int]


def test_a_mistake_is_told_with_line_and_column(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{\n  "a": 1,\n  "b" 2\n}') == (
        "some.json: expected valid JSON, got a mistake at line 3, column 7: Expecting ':' delimiter."
    )


@pytest.mark.parametrize("content", ["", " ", "{", "{'a': 1}", "// comment", '{"a": 1,}', "{} {}", '"\t"'])
def test_what_is_no_json_is_told_with_line_and_column(tmp_path: Path, content: str) -> None:
    assert "expected valid JSON, got a mistake at line 1, column " in refusal(tmp_path, content)


def test_a_key_given_twice_is_refused_however_deep(tmp_path: Path) -> None:
    assert refusal(tmp_path, '{"a": [{"b": 1, "c": 2, "b": 1}]}') == (
        'some.json: expected each key once in an object, got "b" twice.'
    )


def test_the_same_key_in_two_objects_is_fine(tmp_path: Path) -> None:
    assert read(tmp_path, '[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("odd", ["\\u001b[2J", "\\u007f", "\\u009b", "\\u202e"])
def test_a_key_that_could_steer_the_terminal_is_shown_escaped(tmp_path: Path, odd: str) -> None:
    assert refusal(tmp_path, f'{{"{odd}": 1, "{odd}": 2}}').endswith(f'got "{odd}" twice.')


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, number: str) -> None:
    assert refusal(tmp_path, f"[{number}]") == f"some.json: expected finite numbers, got {number}."


@pytest.mark.parametrize("number", ["1e400", "-1e-400", "0." + "1" * 62, "1" * 64])
def test_the_largest_and_longest_numbers(tmp_path: Path, number: str) -> None:
    assert read(tmp_path, number) == Decimal(number)


@pytest.mark.parametrize(
    "number", ["1e401", "1e-401", "0." + "1" * 63, "1" * 65, "1" * 5000, "1e99999999999999999999"]
)
def test_numbers_beyond_that_are_refused(tmp_path: Path, number: str) -> None:
    assert refusal(tmp_path, number).startswith("some.json: expected numbers of a sensible size, got ")


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path, "[" * 200_000)
        == "some.json: expected a few levels of nesting, got too many to read."
    )


def test_a_file_of_one_megabyte_is_the_largest(tmp_path: Path) -> None:
    assert read(tmp_path, "7".ljust(LARGEST_FILE)) == 7
    assert refusal(tmp_path, "7".ljust(LARGEST_FILE + 1)) == (
        "some.json: expected a file of at most 1000000 bytes, got a larger one."
    )


def test_text_that_is_not_utf_8_is_refused_with_its_place(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path, b'{"a": "\xff"}') == "some.json: expected text in UTF-8, got byte 0xff at offset 7."
    )


def test_a_byte_order_mark_is_allowed(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf[]") == []


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a file, got a folder"):
        read_json(tmp_path)


def test_a_pipe_is_refused_at_once_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConfigError, match="got a pipe, socket or device"):
        read_json(tmp_path / "pipe")


def test_a_device_without_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="got a pipe, socket or device"):
        read_json(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("name", "said"), [("none", "No such file"), ("n" * 5000, "name too long"), ("a\0b", "null")]
)
def test_a_file_that_cannot_be_opened_is_told_with_the_reason(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"expected a readable file, got an error: .*{said}"):
        read_json(tmp_path / name)


def test_a_circle_of_links_is_there_but_cannot_be_read(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)

    assert exists(circle)
    assert exists(circle / "below")
    with pytest.raises(ConfigError, match="expected a readable file"):
        read_json(circle)


def test_what_is_not_there_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert not exists(file)

    file.touch()
    assert exists(file)
    assert not exists(file / "below")
