"""Vendors of market data. A new source is one folder with one function that meets `source.MarketSource`."""
