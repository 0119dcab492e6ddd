"""Metrics of an image: a file for each, and what several share."""
