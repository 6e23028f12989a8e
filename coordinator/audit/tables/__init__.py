"""The record as tables for people and their programs, one way."""
