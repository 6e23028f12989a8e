"""Trains the filters that `workers.filters` serves, on which entries of a strategy have paid."""
