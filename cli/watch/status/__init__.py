"""`portfold status`: whether a portfolio may trade, what it holds, how far the stop is."""
