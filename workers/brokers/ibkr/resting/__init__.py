"""What rests at Interactive Brokers: stops beside positions, and what is cancelled when all is closed."""
