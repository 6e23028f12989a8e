"""What rests at Interactive Brokers: stops beside positions, and how all is cancelled and closed."""
