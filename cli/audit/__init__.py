"""`portfold audit`: questions to the record, each a command of its own."""
