"""What a portfolio does, held against the days it was chosen for."""
