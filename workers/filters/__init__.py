"""What stands between a signal and the gate: whether this entry, of all those wanted, is worth asking for."""
