"""Who may see the dashboard, and who may give orders by it."""
