"""TradersPost: orders as webhooks, and what is believed of them."""
