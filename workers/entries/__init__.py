"""An entry from wish to report: what of it fits, what waits for a price, and how it is ordered."""
