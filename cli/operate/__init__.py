"""Orders of an operator, and what he looks after: the record's archive, orders whose outcome is unknown."""
