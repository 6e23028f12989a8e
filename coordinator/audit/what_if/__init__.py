"""The same events under other limits, and the two books compared."""
