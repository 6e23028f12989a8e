"""Whatever is wrapped, each command in it can be copied: a shell reads the lines as the one command."""

import shlex

import pytest

from portfold.cli.copyable import wrapped
from portfold.cli.typed import begun_as, typed

RESUME = "portfold resume --by NAME --reason TEXT"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (len(RESUME) + 9, [f"Lift it: {RESUME}"]),
        (len(RESUME) + 8, ["Lift it:", RESUME]),
        (len(RESUME), ["Lift it:", RESUME]),
        (len(RESUME) - 1, ["Lift it:", "portfold resume --by NAME \\", "  --reason TEXT"]),
    ],
)
def test_a_command_begins_a_line_before_it_is_broken(columns: int, expected: list[str]) -> None:
    assert wrapped(f"Lift it: {RESUME}", columns) == expected


@pytest.mark.parametrize("columns", range(12, 130, 7))
def test_a_broken_command_is_read_by_a_shell_as_it_was(columns: int) -> None:
    words = ["status", "--url", "redis://a-host-of-a-long-name:6379/0", "--config", "my own/configuration"]
    with begun_as(words, ".venv/bin/portfold"):
        sentence = typed(
            "Stop them; or: portfold limits --symbols ES,CL --by NAME --reason 'new week', then go"
        )
        lines = wrapped(sentence, columns, "- ", "  ")
    read = shlex.split("\n".join(lines).replace("\\\n", ""))  # as a shell joins them
    begins = read.index(".venv/bin/portfold")
    expected = ".venv/bin/portfold limits --url redis://a-host-of-a-long-name:6379/0 --config"
    assert read[begins:] == [
        *expected.split(),
        "my own/configuration",
        *("--symbols", "ES,CL", "--by", "NAME", "--reason", "new week,", "then", "go"),
    ]


def test_no_word_of_a_command_is_broken_and_other_long_ones_are() -> None:
    with begun_as(["status", "--config", "/" + "x" * 60]):
        lines = wrapped(typed(f"{'y' * 50} portfold doctor"), 40)
    assert lines == ["y" * 40, "y" * 10, "portfold doctor \\", "  --config /" + "x" * 60]


def test_what_is_no_command_is_wrapped_between_words_and_not_at_hyphens() -> None:
    assert wrapped("look at the append-only file", 15) == ["look at the", "append-only", "file"]
    assert wrapped("", 15, "ok ", "   ") == ["ok"]
