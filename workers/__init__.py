"""What trades: the gate a strategy asks at, strategies, brokers, feeds, and the processes around them."""
