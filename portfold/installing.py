"""How an extra is installed beside the portfold that runs: by its own pip, from where it came.

It exists because portfold comes from a checkout or a file as often as from a registry, and the `pip` that a
shell finds may be another Python's. Guarantees: the command names the pip of the Python that runs this, and
the source that this portfold was installed from, so that it works as it is printed.
"""

import json
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = "portfold"


def install_command(extra: str) -> str:
    """Returns the command that installs the extra, such as `.venv/bin/pip install -e '.[research]'`."""
    try:
        installed = metadata.distribution(_NAME)
        noted = installed.read_text("direct_url.json"), installed.read_text("INSTALLER")
    except metadata.PackageNotFoundError:
        noted = None, None
    origin, by = noted
    return f"{_pip_install(by)} {_source(json.loads(origin) if origin else {}, extra)}"


def _pip_install(by: str | None) -> str:
    python = Path(sys.executable)
    if by is not None and by.strip() == "uv":  # leaves no pip behind
        return f"uv pip install --python {_shown(python)}"
    pip = python.with_name("pip")
    return f"{_shown(pip) if pip.exists() else f'{_shown(python)} -m pip'} install"


def _source(origin: dict[str, Any], extra: str) -> str:
    """Returns what is to be installed: the folder, file or repository it came from, or else its name."""
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        folder = _here(Path(unquote(urlsplit(url).path)))
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"{editable}'{folder}[{extra}]'"
    if "vcs_info" in origin:
        found = origin["vcs_info"]
        return f"'{_NAME}[{extra}] @ {found['vcs']}+{url}@{found['commit_id']}'"
    return f"'{_NAME}[{extra}] @ {url}'" if url else f"'{_NAME}[{extra}]'"


def _shown(program: Path) -> str:
    return shlex.quote(str(_here(program)))


def _here(path: Path) -> Path:
    """Returns the path from the working folder, where it lies below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
