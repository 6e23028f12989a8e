"""The pages of the dashboard, a file a kind: each says its routes."""
