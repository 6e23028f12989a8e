"""Which servers there are to keep a portfolio, and which of them is the one that takes writes now."""
