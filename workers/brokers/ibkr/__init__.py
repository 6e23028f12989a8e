"""Interactive Brokers: real orders with true fills, through TWS or IB Gateway."""
