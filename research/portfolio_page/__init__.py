"""Shows the findings of a search as one HTML file; figures are computed apart from their drawing."""
