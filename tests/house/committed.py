"""The files that rules of the house are about: what is committed, and nothing that lies beside it."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def committed() -> list[Path]:
    """The files that git keeps of this checkout; in an archive, which has no git, all that are not hidden."""
    listed = ""
    if shutil.which("git"):
        command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z"]
        listed = subprocess.run(command, capture_output=True, check=False, text=True).stdout
    if listed:
        names = [Path(name) for name in listed.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("[!.]*")]
        names = [name for name in names if not any(part.startswith((".", "__py")) for part in name.parts)]
    return sorted(name for name in names if (ROOT / name).is_file())
