"""The loss budget: what all stops together would lose, and what that may not reach."""
