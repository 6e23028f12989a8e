"""The rules of pace: how often, how fast, and after how many losses in a row."""
