"""Market data for the whole portfolio: one subscription, whatever number of workers trade on it."""
