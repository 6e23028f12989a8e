"""Closing what is open: the order, who carries it out, what is taken back, and when all is confirmed flat."""
