"""What to trade: pure functions of bars and of what is held, that know no bus, no broker and no clock."""
