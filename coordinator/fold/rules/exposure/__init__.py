"""The rules of exposure: how much an entry, a symbol, a worker, a group may take of what there is in all."""
