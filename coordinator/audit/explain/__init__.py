"""Why it was decided so, and what came of it; the portfolio as it was at a moment."""
