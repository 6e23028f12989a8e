"""What takes the slots, in words: the end of a sentence that says there is no room."""

from portfold.coordinator.fold.state import State, open_symbols


def occupied(state: State) -> str:
    """Lists what is open, what is reserved, and what is kept as it may be filled."""
    held = open_symbols(state)
    parts = [f"Open: {', '.join(held)}"] if held else []
    if state.reservations:
        parts += _symbols_of("Reserved", state, held, kept=False)
        parts += _symbols_of("Kept, may be filled unreported", state, held, kept=True)
    return " | ".join(parts)


def _symbols_of(title: str, state: State, held: list[str], *, kept: bool) -> list[str]:
    symbols = sorted(
        {
            reservation.symbol for reservation in state.reservations.values() if reservation.kept == kept
        }.difference(held)
    )
    return [f"{title}: {', '.join(symbols)}"] if symbols else []
