"""The completion script is one that a shell can read, and it completes what there is."""

import shutil
import subprocess
from pathlib import Path

import pytest

from portfold.cli.exits import OK
from tests.cli.command_line import portfold

BASH = shutil.which("bash")
ASK = """
source "$0"
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p portfold | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    ran = portfold("completion", "bash", cwd=folder)
    assert (ran.code, ran.err) == (OK, "")
    file = folder / "portfold.bash"
    file.write_text(ran.out)
    return file


def completed(script: Path, *typed: str) -> set[str]:
    """What bash offers when a tab is pressed behind the last word."""
    assert BASH is not None
    ran = subprocess.run(
        [BASH, "--norc", "-c", ASK, str(script), *typed], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    return set(ran.stdout.split())


def test_the_script_is_valid_bash(script: Path) -> None:
    assert BASH is not None
    assert subprocess.run([BASH, "-n", str(script)], check=False).returncode == 0


def test_commands_and_options_are_completed(script: Path) -> None:
    assert completed(script, "portfold", "stat") == {"status"}
    assert {"halt", "resume", "tail", "doctor", "completion"} <= completed(script, "portfold", "")
    assert completed(script, "portfold", "status", "--w") == {"--watch"}
    assert completed(script, "portfold", "audit", "sh") == {"show"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(shell: str, tmp_path: Path) -> None:
    ran = portfold("completion", shell, cwd=tmp_path)
    assert ran.code == OK
    assert "doctor" in ran.out
    reader = shutil.which(shell)
    if reader is not None:
        assert subprocess.run([reader, "-n"], input=ran.out, text=True, check=False).returncode == 0
