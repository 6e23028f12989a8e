"""Backtests a symbol alone over bars of the past, traded exactly as its live worker would trade it."""
