"""Metrics beside each other, and together."""
