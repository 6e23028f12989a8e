"""Interactive Brokers as a source of market data, by the socket of TWS or IB Gateway."""
