"""The words of alerts, of a day, of a week, and of many at once."""
