"""What metrics are made of that no status has: decisions as they come, and alerts that wait."""
