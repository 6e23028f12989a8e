"""A firm's rules for an account, as data with source and date; two examples of the kinds there are."""

from portfold.config.profiles.profile import FirmsRule, Profile, read_profile
from portfold.config.profiles.shipped import EXAMPLES, find_profile
from portfold.config.profiles.writing import write_from_profile

__all__ = ["EXAMPLES", "FirmsRule", "Profile", "find_profile", "read_profile", "write_from_profile"]
