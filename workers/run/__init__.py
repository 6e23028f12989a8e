"""The processes that trade, and what drives them."""
