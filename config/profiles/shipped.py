"""The examples that come with the program: what a profile of each kind looks like, with nobody's numbers."""

from pathlib import Path

from portfold.config.errors import ConfigError
from portfold.config.profiles.profile import Profile, read_profile
from portfold.config.strict_json import exists

_FOLDER = Path(__file__).resolve().parent
EXAMPLES = ("example-end-of-day", "example-real-time")


def find_profile(named: Path) -> tuple[Path, Profile]:
    """Reads the profile of that path, or the example of that name where no such file is there.

    Returns where it was found as well. Raises ConfigError.
    """
    if exists(named):
        return named, read_profile(named)
    if str(named) not in EXAMPLES:
        raise ConfigError(named, "", f"a profile, or an example: {' or '.join(EXAMPLES)}", "no such file")
    path = _FOLDER / f"{named}.json"
    return path, read_profile(path)
