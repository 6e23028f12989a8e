"""What a person says of orders at Interactive Brokers."""
