"""The account at Tradovate, by its REST interface: only read, never traded by."""
