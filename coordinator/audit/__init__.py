"""The audit: what the log says, read again by the fold that made it. It writes nothing to the portfolio."""
