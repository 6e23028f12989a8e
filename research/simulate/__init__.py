"""Trades through the production fold: what is asked, what would have come of it, its figures."""
