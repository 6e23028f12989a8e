"""What an exported file would change of the limits in the file it overwrites.

Guarantees: whoever writes over limits that are traded sees each that changes, before it is written.
"""

from pathlib import Path

from portfold.config import ConfiguredPortfolio, read_portfolio
from portfold.dollars import shown_limit


def in_force(output: Path) -> ConfiguredPortfolio | None:
    """Reads the limits in the file to be overwritten; None where there is none. Raises ConfigError."""
    return read_portfolio(output) if output.exists() else None


def changes(old: ConfiguredPortfolio, new: ConfiguredPortfolio) -> list[str]:
    """Lists the limits that the new file would change, a line each."""
    lines = []
    if old.max_positions != new.max_positions:
        lines.append(f"max_positions: {old.max_positions} → {new.max_positions}")
    if old.daily_stop_loss != new.daily_stop_loss:
        stops = shown_limit(old.daily_stop_loss), shown_limit(new.daily_stop_loss)
        lines.append(f"daily_stop_loss: {stops[0]} → {stops[1]}")
    added, removed = (
        sorted(set(a) - set(b)) for a, b in ((new.symbols, old.symbols), (old.symbols, new.symbols))
    )
    if added:
        lines.append(f"symbols added: {', '.join(added)}")
    if removed:
        lines.append(f"symbols left out: {', '.join(removed)}")
    return lines
