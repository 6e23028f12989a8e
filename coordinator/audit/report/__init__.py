"""The account of trading days, for reports."""
