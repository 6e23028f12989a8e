"""Market data of Databento, through its own client: the live gateway, and the historical API beyond it."""
