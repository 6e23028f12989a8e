"""An operator's orders and chores: the record's archive, orders with unknown outcome."""
