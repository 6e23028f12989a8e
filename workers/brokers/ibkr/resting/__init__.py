"""What rests at Interactive Brokers: the stops beside positions."""
