"""The flattener: closes what dead workers left open, side by side, and watches its book."""
