"""Training of the filters that `workers.filters` serves: which of a strategy's entries have paid."""
