"""A history of trades in the figures that traders ask."""
