"""The rules with a number: each knows where it stands and how far it is to its limit."""
