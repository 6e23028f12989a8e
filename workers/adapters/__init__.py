"""Other frameworks' strategies behind the gate."""
