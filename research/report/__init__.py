"""Shows trading days as one HTML file that needs only a browser: no network, no folder beside it."""
