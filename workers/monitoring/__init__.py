"""Watching the workers: what Flower is told and shows, and the health checks."""
