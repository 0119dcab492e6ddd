"""Metrics of other packages, and functions of the user's."""
