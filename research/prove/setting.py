"""What is proven: the profile's limits and its firm's rule, with a configuration's contracts and costs."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from portfold.config import Configuration
from portfold.config.profiles import Profile
from portfold.coordinator.configured import unwatched_limits
from portfold.events.stream_id import StreamId
from portfold.exchange_time import milliseconds_of
from portfold.research.errors import ResearchError
from portfold.research.prove.exploring import MOST_DAYS
from portfold.research.prove.playing import Scene
from portfold.research.simulate.sessions import KnownSessions, publications

_BEGINS = datetime(2025, 1, 6, 10, tzinfo=ZoneInfo("America/Chicago"))
"""10:00 in Chicago on an ordinary Monday."""


def under_profile(configuration: Configuration, profile: Profile, symbols: Sequence[str]) -> Configuration:
    """Returns the configuration with the limits of the profile, for these symbols.

    Raises ResearchError for one without a contract.
    """
    unknown = [symbol for symbol in symbols if symbol not in configuration.contracts]
    if unknown:
        known = configuration.files.contracts.path
        raise ResearchError(f"--profile: expected symbols that {known} describes, got {unknown[0]}.")
    portfolio = structs.replace(
        configuration.portfolio,
        max_positions=profile.max_positions,
        daily_stop_loss=profile.daily_stop_loss,
        symbols=tuple(symbols),
        rules=profile.rules,
    )
    return structs.replace(configuration, portfolio=portfolio)


def with_sessions(scene: Scene, known: KnownSessions) -> Scene:
    """Returns the scene with these sessions published when it begins."""
    opening = StreamId(scene.begins_ms, 0)
    (_, first), *_ = publications(known, opening, scene.begins_ms)
    return scene._replace(sessions=first)


def span_of(scene: Scene) -> tuple[int, int]:
    """Returns the first and the last moment that a history on it can have."""
    return scene.begins_ms, scene.begins_ms + MOST_DAYS * 24 * 60 * 60 * 1000


def scene_of(configuration: Configuration, profile: Profile) -> Scene:
    """Returns what random histories are played on, under the profile's limits."""
    symbols = profile.symbols or configuration.portfolio.symbols
    limits = unwatched_limits(under_profile(configuration, profile, symbols))
    return Scene(limits, profile.firm, dict(configuration.contracts), milliseconds_of(_BEGINS))
