"""A configuration written from a profile: the firm's rules in force, and a copy of the profile beside them.

The file of the limits names the profile, its source and its date, so that whoever reads a number there can
look it up. Guarantees: nothing is overwritten, and nothing is written where any of the files is there.
"""

from pathlib import Path

import msgspec

from portfold.config.defaults import write_files
from portfold.config.locate import CONTRACTS_FILE, PACKAGED, PORTFOLIO_FILE, RUNTIME_FILE
from portfold.config.portfolio import read_portfolio
from portfold.config.profiles.profile import Profile

PROFILE_FILE = "profile.json"


def write_from_profile(folder: Path, profile: Profile, source: Path) -> tuple[Path, ...]:
    """Writes the files of a configuration and a copy of the profile read from `source`; returns their paths.

    Raises ConfigError.
    """
    contents = {
        PORTFOLIO_FILE: _portfolio(profile),
        RUNTIME_FILE: (PACKAGED / RUNTIME_FILE).read_bytes(),
        CONTRACTS_FILE: (PACKAGED / CONTRACTS_FILE).read_bytes(),
        PROFILE_FILE: source.read_bytes(),
    }
    return write_files(folder, contents)


def _portfolio(profile: Profile) -> bytes:
    symbols = profile.symbols or read_portfolio(PACKAGED / PORTFOLIO_FILE).symbols
    tree = {
        "profile": profile.origin,
        "portfolio_constraints": {
            "max_positions": profile.max_positions,
            "daily_stop_loss": profile.daily_stop_loss,
            "symbols": symbols,
            **profile.rules.chosen(),
        },
    }
    encoded = msgspec.json.Encoder(decimal_format="number").encode(tree)
    return msgspec.json.format(encoded, indent=2) + b"\n"
