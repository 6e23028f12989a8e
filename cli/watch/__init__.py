"""How are we: status, tail, doctor."""
