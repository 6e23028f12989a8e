"""Any bytes at all, given to whatever reads something: see `make fuzz`."""
