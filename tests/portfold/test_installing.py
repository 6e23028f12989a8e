"""The command that installs an extra is one that works here: tried, and by what an installation notes."""

import json
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from portfold.installing import install_command


class Installed:
    """What an installation notes of itself."""

    def __init__(self, origin: object, by: str) -> None:
        self._notes = {"direct_url.json": None if origin is None else json.dumps(origin), "INSTALLER": by}

    def read_text(self, name: str) -> str | None:
        return self._notes[name]


def test_in_a_checkout_it_is_what_pip_takes_there() -> None:
    command = install_command("research")
    assert command.endswith("/pip install -e '.[research]'")
    tried = [*shlex.split(command), "--dry-run", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    assert subprocess.run(tried, check=False).returncode == 0


@pytest.mark.parametrize(
    ("origin", "by", "expected"),
    [
        ({"dir_info": {"editable": True}}, "pip\n", "{python} -m pip install -e '{folder}[ml]'"),
        ({"dir_info": {}}, "pip\n", "{python} -m pip install '{folder}[ml]'"),
        ({"archive_info": {}}, "pip\n", "{python} -m pip install 'portfold[ml] @ {url}'"),
        (
            {"vcs_info": {"vcs": "git", "commit_id": "4f1c"}},
            "pip\n",
            "{python} -m pip install 'portfold[ml] @ git+{url}@4f1c'",
        ),
        (None, "pip\n", "{python} -m pip install 'portfold[ml]'"),
        (None, "uv", "uv pip install --python {python} 'portfold[ml]'"),
    ],
)
def test_elsewhere_it_is_its_own_pip_and_where_it_came_from(
    origin: dict[str, object] | None,
    by: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, python = tmp_path / "my portfold", tmp_path / "bin" / "python3"
    noted = None if origin is None else {"url": folder.as_uri(), **origin}
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(noted, by))
    assert install_command("ml") == expected.format(python=python, folder=folder, url=folder.as_uri())


def test_a_pip_beside_the_python_is_called_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = tmp_path / ".venv" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(pip.with_name("python")))
    origin = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    monkeypatch.setattr(metadata, "distribution", lambda _name: Installed(origin, "pip"))
    assert install_command("audit") == ".venv/bin/pip install -e '.[audit]'"
