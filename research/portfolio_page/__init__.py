"""What a search of portfolios found as one HTML file: figures computed apart from their drawing."""
